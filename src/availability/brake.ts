import pLimit from 'p-limit';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { type BrakeForecast, forecast } from './brake-forecast.ts';
import type { KnownHealthy } from './known-healthy.ts';
import { riskyDomains } from './risky-domains.ts';
import type { Witness } from './witness.ts';

/** How long a node may take to answer; the second time, when too few have answered. How many are asked at once. */
const PING_MS = [2_000, 5_000] as const;
const AT_ONCE = 256;
/** Between two looks at whether a brake that is on may be let go, in milliseconds. */
const LOOK_MS = 2_000;

export interface BrakeDeps {
  readonly known: KnownHealthy;
  readonly witness: Witness | undefined;
  readonly clock: Clock;
  /** Told when it goes on (with the reason) and off. */
  readonly onChange: (why: string | undefined) => void;
}

/**
 * Keeps a manager that may be the one which is cut off from moving anything: it is on while fewer than half of the nodes that were last
 * known healthy answer and no witness does. It stays on until they are back, or until an operator says that they are really gone.
 */
export class Brake {
  readonly #deps: BrakeDeps;
  #why: string | undefined;
  #lookedMs = 0;

  constructor(deps: BrakeDeps) {
    this.#deps = deps;
  }

  /** Why nothing is moved; undefined while it is off. */
  get why(): string | undefined {
    return this.#why;
  }

  /** Whether containers may be moved now. Asks the nodes: those that were not missed yet may be gone as well. */
  async mayMove(signal: AbortSignal): Promise<boolean> {
    const { known, witness, clock } = this.#deps;
    const nowMs = clock.elapsed();
    if (this.#why !== undefined && Math.abs(nowMs - this.#lookedMs) < LOOK_MS) return false;
    this.#lookedMs = nowMs;
    const nodes = known.nodes();
    const total = nodes.length + known.absent().length;
    const answering = await countAnswering(nodes, total, signal);
    if (2 * answering >= total) return this.#set(undefined);
    if (witness && (await witness.answers(signal))) return this.#set(undefined);
    if (signal.aborted) return false;
    const remedy = witness ? `, and the witness ${witness.address} does not answer` : '';
    return this.#set(`${answering} of ${total} nodes that were healthy answer${remedy}`);
  }

  /** An operator says that the nodes that do not answer are gone: they do not count any more. */
  resume(): void {
    const { known } = this.#deps;
    known.forget(known.absent());
    known.forget(known.nodes().flatMap(({ id, isHealthy }) => (isHealthy ? [] : id)));
    this.#lookedMs = 0;
    this.#set(undefined);
  }

  /** Domains whose loss would put it on, as `provider=aws`; none with a witness. */
  riskyDomains(labels: readonly string[]): readonly string[] {
    const { known, witness } = this.#deps;
    return witness ? [] : riskyDomains(known.nodes(), labels);
  }

  /** What it would see if these nodes were lost now. */
  forecast(lost: ReadonlySet<string>): BrakeForecast {
    const { known, witness } = this.#deps;
    return forecast(known.nodes(), lost, witness !== undefined);
  }

  #set(why: string | undefined): boolean {
    const before = this.#why;
    this.#why = why;
    if ((before === undefined) !== (why === undefined)) this.#deps.onChange(why);
    return why === undefined;
  }
}

/** How many answer; those that are slow are asked again when that would decide. */
async function countAnswering(nodes: readonly Node[], total: number, signal: AbortSignal): Promise<number> {
  const limit = pLimit(AT_ONCE);
  const answering = new Set<Node>();
  for (const timeoutMs of PING_MS) {
    const silent = nodes.filter((node) => node.isHealthy && !answering.has(node));
    await Promise.all(
      silent.map((node) =>
        limit(async () => {
          if (await isAnswering(node, timeoutMs, signal)) answering.add(node);
        }),
      ),
    );
    if (2 * answering.size >= total) break;
  }
  return answering.size;
}

async function isAnswering({ client }: Node, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    const request = { method: 'GET', path: '/_ping', isUnversioned: true, signal, timeoutMs };
    return (await client.request(request)).statusCode === 200;
  } catch {
    return false;
  }
}
