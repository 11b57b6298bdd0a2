import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { BadRequestError, ClusterError, ConflictError } from '../common/errors.ts';
import { setMember } from '../common/json-edit.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { NetworkSummary } from '../engine/types.ts';
import type { NetworkCatalog } from './network-catalog.ts';
import { inspectNetwork } from './network-inspection.ts';
import { namesDriver, PREDEFINED, placeOf, type WantedNetwork } from './network-kinds.ts';
import type { Substrate } from './substrate.ts';

/** Chooses a node for something that is not a container, honouring the constraints in its labels. */
export type Placer = (labels: Readonly<Record<string, string>>) => Node | Promise<Node>;

/** What {@link NetworkCreation} works with. */
export interface NetworkCreationParts {
  readonly catalog: NetworkCatalog;
  readonly substrate: Substrate;
  readonly place: Placer;
  readonly clock: Clock;
}

/** How long a network may take to be created while the substrate elects a leader, in milliseconds. */
const CREATE_LIMIT_MS = 20_000;

/** Creates networks, each name once: cluster networks at a substrate manager, the others on the node chosen for them. */
export class NetworkCreation {
  readonly #parts: NetworkCreationParts;
  readonly #creating = new Set<string>();

  constructor(parts: NetworkCreationParts) {
    this.#parts = parts;
  }

  /** Creates a network from a client's body: its text, what it says and who sent it. Resolves with the engine's answer. */
  async create(
    text: string,
    body: WantedNetwork,
    userAgent: string,
    signal: AbortSignal,
  ): Promise<{ readonly Id: string }> {
    const name = nameOf(body);
    if (this.#creating.has(name) || this.#parts.catalog.view().named(name).length > 0) throw nameTaken(name);
    this.#creating.add(name);
    try {
      const asker = { userAgent, isSubstrateOff: this.#parts.substrate.mode === 'off' };
      if (placeOf(body, asker) === 'local') return await this.#createAtHome(text, body, signal);
      const attachable = setMember(text, ['Attachable'], 'true');
      const wanted = namesDriver(body, asker) ? attachable : setMember(attachable, ['Driver'], '"overlay"');
      return await this.#createInCluster(name, wanted, signal);
    } finally {
      this.#creating.delete(name);
    }
  }

  async #createInCluster(name: string, wanted: string, signal: AbortSignal): Promise<{ readonly Id: string }> {
    const { substrate, clock } = this.#parts;
    const endMs = clock.now() + CREATE_LIMIT_MS;
    for (;;) {
      const { client } = await substrate.manager(signal);
      try {
        const answer = await client.json<{ Id: string }>({
          method: 'POST',
          path: '/networks/create',
          body: wanted,
          signal,
        });
        await this.#show(answer.Id, signal);
        return answer;
      } catch (error) {
        if (clock.now() >= endMs || !(await this.#isPassingRefusal(name, error)))
          throw isNameTaken(error) ? nameTaken(name) : error;
      }
      await clock.sleep(500, signal);
    }
  }

  /**
   * Whether a create may be tried again: without a leader nothing was written, and an engine holds on to the name of a
   * removed network for a moment.
   */
  async #isPassingRefusal(name: string, error: unknown): Promise<boolean> {
    if (!(error instanceof EngineAnswerError)) return false;
    if (/does not have a leader/.test(error.message)) return true;
    if (!isNameTaken(error)) return false;
    await this.#parts.catalog.spanning.refresh();
    return this.#parts.catalog.view().named(name).length === 0;
  }

  /** Lets the next listing show a network that was just created. */
  async #show(id: string, signal: AbortSignal): Promise<void> {
    const { client } = await this.#parts.substrate.manager(signal);
    const { Containers: _, ...summary } = await inspectNetwork(client, id, '', signal);
    this.#parts.catalog.spanning.put({ ...(summary as object as NetworkSummary) });
  }

  async #createAtHome(text: string, { Labels }: WantedNetwork, signal: AbortSignal): Promise<{ readonly Id: string }> {
    const node = await this.#parts.place(Labels ?? {});
    const path = '/networks/create';
    const answer = await node.client.json<{ Id: string }>({
      method: 'POST',
      path,
      body: text,
      signal,
      timeoutMs: 60_000,
    });
    await node.refreshNetworks();
    return answer;
  }
}

/** The name of a network that clients may create; throws when it has none or they may not. */
function nameOf({ Name, Ingress }: WantedNetwork): string {
  if (typeof Name !== 'string' || Name === '')
    throw new BadRequestError('a network needs a name', 'NETWORK_WITHOUT_NAME');
  if (PREDEFINED.has(Name))
    throw new ClusterError(`operation is not permitted on predefined ${Name} network`, {
      code: 'PREDEFINED_NETWORK',
      status: 403,
    });
  if (Ingress === true)
    throw new BadRequestError('an ingress network serves swarm services only: this is no swarm', 'INGRESS');
  return Name;
}

function nameTaken(name: string): ConflictError {
  return new ConflictError(`network with name ${name} already exists`, 'NETWORK_NAME_IN_USE');
}

function isNameTaken(error: unknown): boolean {
  return error instanceof EngineAnswerError && error.status === 409;
}
