import { type RecordFormat, RecordView, type RecordViewDeps } from '../kv/record-view.ts';
import { KEY } from './protocol.ts';
import { isCidr, isEndpoint } from './read.ts';
import type { MeshMember } from './types.ts';

/** The key of what is said of the mesh as a whole; no agent has such a name. */
const NETWORK = '#network';

type Kept = { readonly subnet: string } | Omit<MeshMember, 'id'>;

const FORMAT: RecordFormat<Kept> = { read: parse, write: (kept) => JSON.stringify(kept) };

/** The members of the mesh with their keys and addresses, and its subnet: durable, and the same for all managers of a cluster. */
export class MeshRecords {
  readonly #view: RecordView<Kept>;

  private constructor(view: RecordView<Kept>) {
    this.#view = view;
  }

  static async open(deps: RecordViewDeps): Promise<MeshRecords> {
    return new MeshRecords(await RecordView.open(deps, FORMAT));
  }

  get subnet(): string | undefined {
    const kept = this.#view.get(NETWORK);
    return kept && 'subnet' in kept ? kept.subnet : undefined;
  }

  list(): readonly MeshMember[] {
    return [...this.#view.keys()].flatMap((id) => this.get(id) ?? []);
  }

  get(id: string): MeshMember | undefined {
    const kept = this.#view.get(id);
    return kept && 'key' in kept ? { id, ...kept } : undefined;
  }

  /** Resolves when all of it is durable and shown; nothing is changed when it rejects. */
  async put(subnet: string, members: readonly MeshMember[]): Promise<void> {
    const network = this.subnet === subnet ? [] : [[NETWORK, { subnet }] as const];
    const entries = members.map(({ id, ...kept }) => [id, kept] as const);
    if (network.length + entries.length > 0) await this.#view.putAll([...network, ...entries]);
  }

  /** Resolves when it is durable. No failure for one that is not there. */
  async delete(id: string): Promise<void> {
    await this.#view.delete(id);
  }

  async close(): Promise<void> {
    await this.#view.close();
  }
}

function parse(text: string, key: string): Kept | undefined {
  try {
    const value = JSON.parse(text) as Partial<MeshMember> & { readonly subnet?: string };
    if (key === NETWORK)
      return value.subnet !== undefined && isCidr(value.subnet) ? { subnet: value.subnet } : undefined;
    const { key: own, address, endpoint } = value;
    if (own === undefined || !KEY.test(own) || address === undefined || !isCidr(`${address}/32`)) return undefined;
    return { key: own, address, ...(endpoint !== undefined && isEndpoint(endpoint) && { endpoint }) };
  } catch {
    return undefined;
  }
}
