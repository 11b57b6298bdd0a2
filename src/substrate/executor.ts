import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { chooseAddressPool } from './addresses.ts';
import { joinAddresses } from './join-addresses.ts';
import {
  forceNewCluster,
  initSwarm,
  joinSwarm,
  leaveSwarm,
  mayLeaveBeside,
  removeSwarmNode,
  setRole,
} from './swarm-api.ts';
import type { Observation, Plan, Step, SubstrateMember } from './types.ts';

/** What executing needs to know of the round. */
export interface Round {
  readonly plan: Plan;
  readonly observation: Observation;
  readonly members: ReadonlyMap<string, SubstrateMember>;
  readonly signal: AbortSignal;
}

/** How one step ended; `failure` is the reason in words. */
export interface StepResult {
  readonly step: Step;
  readonly failure: unknown;
}

export interface ExecutorDeps {
  /** Told of an engine before it leaves; the engine stays when it rejects. */
  readonly onLeaving: (member: SubstrateMember, signal: AbortSignal) => Promise<void>;
  readonly logger: Logger;
}

export interface ExecutorOptions {
  /** Value of the mark on a swarm that is formed. */
  readonly mark: string;
  /** CIDR cluster networks take their subnets from; undefined chooses one that overlaps none of the engines' networks. */
  readonly pool: string | undefined;
}

/**
 * Carries out a plan's steps. Steps on the managers' quorum go one after the other, engines join and leave side by side; those that must not
 * leave at the same time ({@link mayLeaveBeside}) one after the other.
 */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #logger: Logger;
  readonly #onLeaving: ExecutorDeps['onLeaving'];

  constructor({ logger, onLeaving }: ExecutorDeps, options: ExecutorOptions) {
    this.#options = options;
    this.#onLeaving = onLeaving;
    this.#logger = logger;
  }

  /** Never rejects for a step that fails; rejects when aborted. */
  async run(round: Round): Promise<readonly StepResult[]> {
    const isParallel = (step: Step): boolean =>
      step.kind === 'join' || (step.kind === 'leave' && leavesBeside(step, round));
    const results: StepResult[] = [];
    for (const step of round.plan.steps.filter((each) => !isParallel(each))) results.push(await this.#try(step, round));
    const parallel = round.plan.steps.filter(isParallel).map((step) => this.#try(step, round));
    return [...results, ...(await Promise.all(parallel))];
  }

  async #try(step: Step, round: Round): Promise<StepResult> {
    const fields = describe(step, round);
    try {
      await this.#execute(step, round);
      const isLoss = step.kind === 'leave' || step.kind === 'remove' || step.kind === 'force-new-cluster';
      this.#logger[isLoss ? 'warn' : 'info'](fields, 'substrate: step done');
      return { step, failure: undefined };
    } catch (error) {
      round.signal.throwIfAborted();
      // Another manager of ours was quicker.
      if (isDone(step, error)) return { step, failure: undefined };
      this.#logger.warn({ ...fields, err: error }, 'substrate: step failed');
      return { step, failure: error };
    }
  }

  #execute(step: Step, round: Round): Promise<void> {
    const { signal } = round;
    switch (step.kind) {
      case 'init':
        return this.#init(step.memberId, round);
      case 'join':
        return this.#join(step, round);
      case 'leave':
        return this.#leave(step, round);
      case 'set-role':
        return setRole(manager(round).client, step.nodeId, step.role, signal);
      case 'remove':
        return removeSwarmNode(manager(round).client, step.nodeId, signal);
      case 'force-new-cluster':
        return forceNewCluster(member(round, step.memberId).client, address(round, step.memberId), signal);
    }
  }

  async #init(memberId: string, round: Round): Promise<void> {
    const used = round.observation.members.flatMap((each) => each.address ?? []);
    const pool = this.#options.pool ?? chooseAddressPool([...used, ...(await localSubnets(round))]);
    const { client } = member(round, memberId);
    await initSwarm(client, {
      address: address(round, memberId),
      mark: this.#options.mark,
      pool,
      signal: round.signal,
    });
  }

  async #leave({ memberId, isForeign = false }: Extract<Step, { kind: 'leave' }>, round: Round): Promise<void> {
    const leaving = member(round, memberId);
    if (!isForeign) await this.#onLeaving(leaving, round.signal);
    await leaveSwarm(leaving.client, round.signal);
  }

  async #join(step: Extract<Step, { kind: 'join' }>, round: Round): Promise<void> {
    const failures = round.observation.failedJoins.get(step.memberId) ?? 0;
    await joinSwarm(member(round, step.memberId).client, {
      address: address(round, step.memberId),
      via: manager(round).client,
      managerAddresses: joinAddresses(round.plan.swarm?.nodes ?? [], step.memberId, failures),
      signal: round.signal,
    });
  }
}

function leavesBeside({ memberId }: Extract<Step, { kind: 'leave' }>, { members }: Round): boolean {
  const leaving = members.get(memberId);
  return leaving === undefined || mayLeaveBeside(leaving.client);
}

function isDone({ kind }: Step, error: unknown): boolean {
  return (kind === 'join' || kind === 'init') && /already part of a swarm/.test(reasonOf(error));
}

/** Subnets of the engines' own networks; engines that do not answer in time are left out. */
async function localSubnets({ members, signal }: Round): Promise<string[]> {
  const lists = await Promise.all(
    [...members.values()].filter(({ isHealthy }) => isHealthy).map(({ client }) => subnetsOf(client, signal)),
  );
  return lists.flat();
}

async function subnetsOf(client: SubstrateMember['client'], signal: AbortSignal): Promise<string[]> {
  type Network = { readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string }[] | null } };
  try {
    const networks = await client.json<Network[]>({ method: 'GET', path: '/networks', signal, timeoutMs: 3_000 });
    return networks.flatMap(({ IPAM }) => (IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []));
  } catch {
    return [];
  }
}

function member({ members }: Round, memberId: string): SubstrateMember {
  const found = members.get(memberId);
  if (!found) throw new Error(`engine ${memberId} has left the cluster`);
  return found;
}

function manager(round: Round): SubstrateMember {
  return member(round, round.plan.swarm?.askedId ?? '');
}

function address({ observation }: Round, memberId: string): string {
  const found = observation.members.find(({ id }) => id === memberId)?.address;
  if (found === undefined) throw new Error(`engine ${memberId} has no address that other engines reach`);
  return found;
}

function describe(step: Step, round: Round): Readonly<Record<string, string>> {
  const name = 'memberId' in step ? round.members.get(step.memberId)?.name : step.name;
  return {
    step: step.kind,
    engine: name ?? '',
    ...('role' in step && { role: step.role }),
    ...('why' in step && { why: step.why }),
  };
}
