import { ConflictError, reasonOf } from '../../common/errors.ts';
import type { Task } from '../../provision/provisioner.ts';
import type { MachineDeps } from '../machine.ts';
import type { Master, Member } from './plan.ts';
import { type MemberStep, nextMemberStep } from './plan.ts';
import type { Servers } from './servers.ts';

const PAUSE_MS = 300;
/** For one step: a server that starts far away on a small machine, and fetches all records. */
const STEP_MS = 180_000;

/** What the servers need besides the calls to them: work on a machine. */
export interface FollowHands {
  /** Which masters there are; the server of one that is added has a name by then. */
  masters(members: readonly Member[]): Promise<readonly Master[]>;
  /** Prepares a master for the server that is added next: `initial` is what it is to be told of the others. Absent: nothing is added here. */
  prepare?(members: readonly Member[]): Promise<void>;
  /** Starts the server of a master; false when that machine is not at hand. */
  start(master: Master): Promise<boolean>;
  /** Whether all is as wanted. Default: no step is left. */
  isEnough?(members: readonly Member[]): boolean;
}

/**
 * Lets the servers of the store follow the masters, step by step. A step whose outcome is unknown is looked after. Throws a ConflictError
 * (`STORE_MAJORITY`) when a majority would be lost, and what failed when a step does not succeed within minutes.
 */
export async function followMasters(
  servers: Servers,
  hands: FollowHands,
  { clock }: Pick<MachineDeps, 'clock'>,
  task: Task,
): Promise<void> {
  let deadline = clock.now() + STEP_MS;
  let last = '';
  for (;;) {
    task.signal.throwIfAborted();
    try {
      const members = await servers.look(task.signal);
      if (hands.isEnough?.(members)) return;
      const step = nextMemberStep(await hands.masters(members), members);
      if (step.kind === 'done') return;
      if (step.kind === 'stuck') throw lost(step.why);
      const text = describe(step);
      // Each step has its time; the same one again is still the same.
      if (text !== last) deadline = clock.now() + STEP_MS;
      last = text;
      task.report(text);
      if (await carryOut(step, { servers, hands, members }, task)) continue;
    } catch (error) {
      task.signal.throwIfAborted();
      if (clock.now() >= deadline || !mayPass(error)) throw error;
      task.report(`${last || 'asking the store of the masters'}: ${reasonOf(error)}`);
    }
    await clock.sleep(PAUSE_MS, task.signal);
  }
}

/** Whether the servers are to be looked at again at once. */
async function carryOut(
  step: MemberStep,
  { servers, hands, members }: { servers: Servers; hands: FollowHands; members: readonly Member[] },
  { signal }: Task,
): Promise<boolean> {
  switch (step.kind) {
    case 'add':
      await hands.prepare?.(members);
      await servers.changes.add(step.master.peerUrl, signal);
      return true;
    case 'start':
      if (await hands.start(step.master)) return false;
      throw lost(`the server of "${step.master.machine}" does not answer: start that machine, or remove it`);
    case 'promote':
      await servers.changes.promote(step.member.id, signal);
      return true;
    case 'remove':
      await servers.changes.remove(step.member.id, signal);
      return true;
    case 'move':
      await servers.changes.move(step.member.id, step.master.peerUrl, signal);
      return true;
    default:
      return true;
  }
}

function describe(step: MemberStep): string {
  switch (step.kind) {
    case 'add':
      return `adding the store's server of ${step.master.machine}`;
    case 'start':
      return `starting the store's server of ${step.master.machine}`;
    case 'promote':
      return `giving the store's server ${step.member.name} its vote`;
    case 'remove':
      return `removing the store's server ${step.member.name || step.member.peerUrl}`;
    case 'move':
      return `telling the store's servers the new address of ${step.master.machine}`;
    default:
      return '';
  }
}

/** The servers are away for a moment, are choosing a leader, or have not caught up yet. */
function mayPass(error: unknown): boolean {
  const code = (error as { readonly code?: unknown }).code;
  return code === 'STORE_UNAVAILABLE' || code === 'OUTCOME_UNKNOWN' || code === 'STORE_REFUSED';
}

function lost(why: string): ConflictError {
  return new ConflictError(`the store that the managers share cannot be changed now: ${why}`, 'STORE_MAJORITY');
}
