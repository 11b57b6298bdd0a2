import type { Container } from '../cluster/container.ts';
import type { Clock } from '../common/clock.ts';
import { ClusterError, ConflictError } from '../common/errors.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { ContainerRecord, FenceWord } from '../desired/record.ts';
import { requirePresent } from '../lifecycle/absent.ts';
import type { ContainerLifecycle } from '../lifecycle/lifecycle.ts';
import type { AgentLeases } from './agent-leases.ts';
import { setRestartPolicy } from './engine-copy.ts';

/** How long an agent may take to say that it obeys, in milliseconds, and the pause between two looks. */
const OBEY_MS = 30_000;
const LOOK_MS = 200;
/** An agent keeps its orders in memory, and is told all of them with each renewal. */
const MAX_ORDERS = 1_000;

export interface FenceSwitchDeps {
  readonly desired: DesiredState;
  readonly leases: Pick<AgentLeases, 'refusals' | 'isObeyed'>;
  readonly lifecycle: Pick<ContainerLifecycle, 'changing' | 'use' | 'recorder'>;
  readonly clock: Clock;
}

/**
 * Makes containers strict that are there already, and such as are not so any more. Their labels cannot be changed: the record has the word, and the
 * node's agent is told of the container by its ID.
 */
export class FenceSwitch {
  readonly #deps: FenceSwitchDeps;

  constructor(deps: FenceSwitchDeps) {
    this.#deps = deps;
  }

  /**
   * Resolves when it is in force. What has become strict counts as such for the manager from the first moment: until its agent is known to end it,
   * it is not moved. Throws 409 without a record or an agent, 503 when that is not known in time; then it is strict all the same.
   */
  async set(meant: Container, is: FenceWord['is'], signal: AbortSignal): Promise<void> {
    const { lifecycle } = this.#deps;
    const record = await lifecycle.changing(meant, async (container) =>
      is === 'off' ? this.#loosen(container, signal) : this.#tighten(await lifecycle.use(container), signal),
    );
    if (record) await this.#untilObeyed(record, signal);
  }

  async #tighten(container: Container, signal: AbortSignal): Promise<ContainerRecord> {
    const { leases, desired } = this.#deps;
    const { node, engineId, name } = container;
    requirePresent(container);
    const record = this.#recordOf(container);
    const why = leases.refusals().get(node.id);
    if (why !== undefined) throw new ConflictError(`container ${name} is on node ${node.name}: ${why}`, 'NO_FENCE');
    const orders = desired.index.onNode(node.id).filter(({ fence }) => fence !== undefined);
    if (!record.terms.isStrict && orders.length >= MAX_ORDERS)
      throw new ConflictError(
        `of node ${node.name} ${MAX_ORDERS} containers were changed already: make this one anew with the label`,
        'TOO_MANY_ORDERS',
      );
    const after = record.terms.isStrict ? record : await this.#say(record, { engineId, is: 'strict' });
    await setRestartPolicy(node, engineId, 'no', signal);
    return after;
  }

  /** Also while its node is away: it is brought back like any other then. */
  async #loosen(container: Container, signal: AbortSignal): Promise<undefined> {
    const { node, engineId } = container;
    const record = this.#recordOf(container);
    const { isStrict, restart } = record.terms;
    if (isStrict) await this.#say(record, { engineId, is: 'off' });
    // A node that is away is seen to when it is back.
    if (isStrict && node.isHealthy) await setRestartPolicy(node, engineId, restart, signal);
  }

  async #say({ key, name }: ContainerRecord, fence: FenceWord): Promise<ContainerRecord> {
    const after = await this.#deps.desired.amend(key, { kind: 'fence', is: fence.is }, (record) => {
      const { isStrict: _, ...terms } = record.terms;
      return { ...record, fence, terms: fence.is === 'strict' ? { ...terms, isStrict: true } : terms };
    });
    if (!after) throw new ConflictError(`container ${name} was removed meanwhile`, 'REMOVED');
    return after;
  }

  #recordOf(container: Container): ContainerRecord {
    const record = this.#deps.lifecycle.recorder.recordOf(container);
    if (record) return record;
    throw new ConflictError(
      `container ${container.name} was not created through this cluster: nothing is recorded of it, and it never moves`,
      'NO_RECORD',
    );
  }

  async #untilObeyed({ key, name }: ContainerRecord, signal: AbortSignal): Promise<void> {
    const { clock, desired, leases } = this.#deps;
    const endMs = clock.elapsed() + OBEY_MS;
    for (;;) {
      const record = desired.get(key);
      if (!record?.terms.isStrict || leases.isObeyed(record)) return;
      if (clock.elapsed() >= endMs) throw notObeyed(name);
      await clock.sleep(LOOK_MS, signal);
    }
  }
}

function notObeyed(name: string): ClusterError {
  return new ClusterError(
    `container ${name} is strict from now on, but the agent of its node has not said within ${OBEY_MS / 1000} s that it ends it (one of an earlier version does not): until then it would not be moved if its node were lost. "enxame fence off ${name}" undoes this`,
    { code: 'NOT_OBEYED', status: 503 },
  );
}
