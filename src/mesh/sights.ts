import pLimit from 'p-limit';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { MESH_PATH, type MeshQuestion } from './protocol.ts';
import { readReport } from './read.ts';
import type { MeshSight } from './types.ts';

/** Agents that dialled this manager; `DialledAgents` fits. */
export interface MeshAgents {
  list(): readonly MeshAgent[];
  ask(
    id: string,
    path: string,
    question: unknown,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly body: unknown }>;
}

/** An agent's connection: which address it comes from, and when it began. */
export interface MeshAgent {
  readonly id: string;
  readonly from: string;
  readonly sinceMs: number;
}

export interface SightsDeps {
  readonly agents: MeshAgents;
  /** Agents that may dial no manager. */
  readonly revoked: { has(id: string): boolean };
  readonly logger: Logger;
}

const ASK_MS = 10_000;
const AT_ONCE = 32;

/** How the nodes of the mesh are, as their agents said last. */
export class Sights {
  readonly #deps: SightsDeps;
  readonly #byId = new Map<string, MeshSight & { readonly sinceMs: number }>();
  /** Connections of agents that know nothing of a mesh, by agent ID, with when they began. */
  readonly #strangers = new Map<string, number>();

  constructor(deps: SightsDeps) {
    this.#deps = deps;
  }

  get byId(): ReadonlyMap<string, MeshSight & { readonly sinceMs: number }> {
    return this.#byId;
  }

  /** Asks every agent; what those said that do not answer now is kept, and not fresh. */
  async look(signal: AbortSignal): Promise<void> {
    const { agents, revoked } = this.#deps;
    const all = agents.list();
    const present = new Set(all.map(({ id }) => id));
    for (const id of this.#strangers.keys()) if (!present.has(id)) this.#strangers.delete(id);
    for (const [id, sight] of this.#byId) if (!present.has(id)) this.#byId.set(id, { ...sight, isFresh: false });
    const asked = all.filter(({ id, sinceMs }) => this.#strangers.get(id) !== sinceMs && !revoked.has(id));
    const limit = pLimit(AT_ONCE);
    await Promise.all(asked.map((agent) => limit(() => this.ask(agent, {}, signal))));
  }

  /** Puts a question to an agent and notes what it answers; never rejects but when stopped. */
  async ask({ id, from, sinceMs }: MeshAgent, question: MeshQuestion, signal: AbortSignal): Promise<void> {
    try {
      const { status, body } = await this.#deps.agents.ask(id, MESH_PATH, question, ASK_MS, signal);
      if (status === 404) {
        this.#strangers.set(id, sinceMs);
        this.#byId.delete(id);
        return;
      }
      if (status !== 200) throw new Error(String((body as { readonly message?: unknown } | null)?.message ?? status));
      this.#byId.set(id, { report: readReport(body), from, sinceMs, isFresh: true });
    } catch (error) {
      signal.throwIfAborted();
      this.#deps.logger.debug({ agent: id, reason: reasonOf(error) }, 'mesh: an agent does not answer');
      const known = this.#byId.get(id);
      if (known) this.#byId.set(id, { ...known, isFresh: false });
    }
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }

  clear(): void {
    this.#byId.clear();
  }
}
