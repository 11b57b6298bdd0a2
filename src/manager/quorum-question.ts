import { z } from 'zod';
import type { KnownHealthy } from '../availability/known-healthy.ts';
import type { Witness } from '../availability/witness.ts';
import { NEWEST_API, OLDEST_API } from '../engine/api-version.ts';
import { EngineClient } from '../engine/client.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import { type OtherSight, objectionTo } from '../substrate/quorum-terms.ts';
import type { SubstrateSight } from '../substrate/types.ts';

/** The other managers of the cluster. */
export interface OtherManagers {
  /** Whether this one does what the primary does, under a lease that stands. */
  readonly isPrimary: () => boolean;
  /** `host:port` of the others. Rejects when it is not known now. */
  readonly addresses: () => Promise<readonly string[]>;
  readonly connect: (advertise: string) => Promise<Connector>;
}

export interface QuorumQuestionDeps {
  readonly known: Pick<KnownHealthy, 'sight'>;
  readonly witness: Witness | undefined;
  readonly seesLeader: (signal: AbortSignal) => Promise<boolean>;
}

/** How long another manager may take: it asks engines itself, up to 8 s. */
const ANSWER_MS = 10_000;
const CONNECT_MS = 3_000;

const Answer = z.object({ answering: z.number(), nodes: z.number(), hasLeader: z.boolean() });

/** Whether this manager may make a new quorum of the substrate from one survivor. */
export class QuorumQuestion {
  readonly #deps: QuorumQuestionDeps;
  #others: OtherManagers | undefined;

  constructor(deps: QuorumQuestionDeps) {
    this.#deps = deps;
  }

  /** This manager is one of several. To be called before any is started. */
  among(others: OtherManagers): void {
    this.#others = others;
  }

  /** What this manager sees, for others that ask. */
  async sight(signal: AbortSignal): Promise<SubstrateSight> {
    return { ...this.#deps.known.sight(), hasLeader: await this.#deps.seesLeader(signal) };
  }

  /** Why it may not, in words; undefined when it may. Rejects only when aborted. */
  async objection(signal: AbortSignal): Promise<string | undefined> {
    const { known, witness } = this.#deps;
    const own = { ...known.sight(), hasLeader: false };
    const others = this.#others;
    // Of several managers a witness would tell each of two sides that it is not cut off.
    if (!others) return objectionTo(own, [], (await witness?.answers(signal)) === true);
    const answers = await answersOf(others, signal);
    signal.throwIfAborted();
    if (answers === undefined) return 'the store that managers share does not tell which other managers there are';
    if (!others.isPrimary()) return 'this manager is not the primary any more';
    return objectionTo(own, answers, false);
  }
}

/** Of all that answer in time; undefined when it is not known whom to ask. */
async function answersOf(
  { addresses, connect }: OtherManagers,
  signal: AbortSignal,
): Promise<readonly OtherSight[] | undefined> {
  const managers = await addresses().catch(() => undefined);
  if (!managers) return undefined;
  const answers = managers.map((manager) => ask(manager, connect, signal).catch(() => undefined));
  return (await Promise.all(answers)).flatMap((answer) => answer ?? []);
}

async function ask(manager: string, connect: OtherManagers['connect'], signal: AbortSignal): Promise<OtherSight> {
  const connector = await connect(manager);
  try {
    const client = new EngineClient(connector, { connectTimeoutMs: CONNECT_MS });
    client.negotiate(OLDEST_API, NEWEST_API);
    const path = '/enxame/v1/substrate';
    const answer = await client.json({ method: 'GET', path, isUnversioned: true, signal, timeoutMs: ANSWER_MS });
    return { manager, ...Answer.parse(answer) };
  } finally {
    await connector.close();
  }
}
