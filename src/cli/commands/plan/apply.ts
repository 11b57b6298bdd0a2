import type { DockerNode } from '../../../api/views/docker-node.ts';
import type { RunView } from '../../../availability/plan-run.ts';
import type { CheapestPlan } from '../../../cheapest/cheapest-plan.ts';
import { ClusterError } from '../../../common/errors.ts';
import { printable } from '../../../common/printable.ts';
import { tell, untilOver } from '../../carry-out.ts';
import { confirm } from '../../confirm.ts';
import { type Applying, type Asked, PLAN_MS } from './applying.ts';
import { halfRemoved, makeMachines, removeMachines } from './machines.ts';

const RUN = '/enxame/v1/plans/cheapest/run';
/** A cluster that changes faster than plans are made. */
const MOST_PLANS = 6;
/** For the manager to hear that no more moves are wanted, in milliseconds. */
const STOP_MS = 10_000;
/** Until a new machine is a healthy node, in milliseconds. */
const JOIN_MS = 600_000;

/** Makes machines, moves, and removes what is empty; each step is confirmed. Whatever is done already is not done again. */
export async function applyPlan(first: Asked, applying: Applying): Promise<void> {
  let asked = first;
  const made: string[] = [];
  for (let plans = 1; ; plans++) {
    const { plan } = asked;
    if (plan.idle !== undefined) return idle(plan, made, applying);
    if (!(await isConfirmed(question(plan), applying))) throw declined(made);
    const machines = plan.nodes.filter(({ fate }) => fate === 'made').map(({ name }) => name);
    if (machines.length > 0) {
      await makeMachines(machines, applying);
      made.push(...machines);
      await untilJoined(machines, applying);
    } else {
      const answer = await applying.client.post<{ readonly id?: string }>(
        RUN,
        { ...asked.body, digest: plan.digest },
        applying.signal,
        PLAN_MS,
      );
      if (answer.id !== undefined) return finish(plan, await untilDone(answer.id, applying), applying);
      say(applying, 'The cluster or its prices have changed since: the plan was made anew\n');
    }
    if (plans === MOST_PLANS)
      throw new ClusterError('the cluster changes faster than plans are made: nothing more was begun. Try again', {
        code: 'PLAN_OUTDATED',
        status: 409,
      });
    asked = await applying.ask();
    applying.show(asked.plan);
  }
}

function question({ nodes, moves }: CheapestPlan): string {
  const count = (fate: string): number => nodes.filter((node) => node.fate === fate).length;
  if (count('made') > 0) return `Make ${count('made')} machines, and then look again?`;
  return `Move ${moves.length} containers and empty ${count('goes')} nodes?`;
}

async function isConfirmed(text: string, { flags, context }: Applying): Promise<boolean> {
  return flags.yes === true || (await confirm(text, '--yes', context));
}

function declined(made: readonly string[]): ClusterError {
  const done =
    made.length === 0
      ? 'nothing was done'
      : `nothing was moved. Made, and paid for: ${made.join(', ')}. Run it again to go on, or remove what is not wanted with 'enxame machine rm'`;
  return new ClusterError(done, { code: 'NOT_CONFIRMED', status: 400 });
}

/** There is nothing to do any more. What was made for it, and what was half removed, is not forgotten. */
async function idle({ nodes }: CheapestPlan, made: readonly string[], applying: Applying): Promise<void> {
  const unused = nodes.filter(({ name, containersAfter }) => made.includes(name) && containersAfter === 0);
  if (unused.length > 0)
    say(
      applying,
      `Made, and not needed any more: ${unused.map(({ name }) => name).join(', ')}: 'enxame machine rm' removes what is not wanted\n`,
    );
  await remove([], applying);
}

/** What an attempt before this one took out of the cluster and did not remove goes, too. */
async function remove(names: readonly string[], applying: Applying): Promise<void> {
  await removeMachines([...new Set([...names, ...(await halfRemoved(applying))])], {
    ...applying,
    confirm: (text) => isConfirmed(text, applying),
  });
}

/** Progress is for people, also where JSON goes to the output. */
function say({ context }: Applying, text: string): void {
  context.err(text);
}

async function finish(plan: CheapestPlan, run: RunView, applying: Applying): Promise<void> {
  const failed = run.moves.filter(({ state }) => state !== 'moved');
  const empty = (run.leaving ?? []).filter(({ isEmpty }) => isEmpty);
  await remove(
    empty.map(({ name }) => name),
    applying,
  );
  if (failed.length === 0)
    return say(
      applying,
      `Done: ${plan.cost.monthlyAfter.toFixed(2)} ${plan.cost.currency} a month once emptied nodes are gone\n`,
    );
  const [first] = failed;
  throw new ClusterError(
    `${failed.length} of ${run.moves.length} containers were not moved (${printable(first?.container.name ?? '')}: ${printable(first?.why || 'it was not begun')}). Run it again to go on`,
    { code: 'PLAN_INCOMPLETE', status: 500 },
  );
}

/** Follows it to its end, also over a restart of the manager. A client that is interrupted stops it. */
async function untilDone(id: string, applying: Applying): Promise<RunView> {
  const { client, context, signal } = applying;
  const told = new Map<string, string>();
  const look = ({ moves }: RunView): void => {
    for (const each of moves) tell(each, told, context.err);
  };
  const run = await untilOver(id, look, client, context, signal);
  if (run) return run;
  const asked = client.delete(`/enxame/v1/moves/${id}`, AbortSignal.timeout(STOP_MS)).then(
    () => 'Stopped: no more moves begin, and what has not taken over yet is undone. Run it again to go on\n',
    () => `The manager could not be told, and goes on: 'enxame move stop ${id}' ends it\n`,
  );
  say(applying, await asked);
  throw signal.reason;
}

async function untilJoined(names: readonly string[], applying: Applying): Promise<void> {
  const { client, context, signal } = applying;
  const deadlineMs = context.clock.now() + JOIN_MS;
  for (;;) {
    const nodes = await client.get<readonly DockerNode[]>('/nodes', signal);
    const ready = new Set(
      nodes.flatMap(({ Description, Status }) => (Status.State === 'ready' ? [Description.Hostname] : [])),
    );
    const missing = names.filter((name) => !ready.has(name));
    if (missing.length === 0) return;
    if (context.clock.now() > deadlineMs)
      throw new ClusterError(
        `${missing.join(', ')} did not become nodes of the cluster within 10 minutes: see 'enxame machine ls', and run it again to go on`,
        { code: 'NOT_JOINED', status: 504 },
      );
    await context.clock.sleep(1_000, signal);
  }
}
