import { formatPlan } from '../availability/format-plan.ts';
import type { Plan } from '../availability/plan.ts';
import type { MoveStanding, RunView } from '../availability/plan-run.ts';
import { byteText } from '../common/byte-text.ts';
import { ClusterError, NotFoundError, UsageError } from '../common/errors.ts';
import { printable, printableJson } from '../common/printable.ts';
import type { CommandContext } from './command.ts';
import { confirm } from './confirm.ts';
import type { ManagerClient } from './manager-client.ts';

/** Between two questions how a plan stands, in milliseconds. */
const LOOK_MS = 500;
/** A manager that is being restarted takes the plan up again: it is waited for, in milliseconds. */
const PATIENCE_MS = 60_000;
/** A cluster that changes faster than plans are made. */
const MOST_PLANS = 6;

/** What a person says of a plan that is shown before it is carried out. */
export interface CarryOutFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly format?: string;
  readonly atOnce?: number;
  /** In milliseconds. */
  readonly keepSource?: number;
}

/** Makes the plan, anew where the cluster has changed meanwhile. */
export type MakePlan = () => Promise<Plan>;

/**
 * Shows a plan and, once it is confirmed, has the manager carry it out and follows it to its end. Throws when a move failed; a client that is interrupted leaves the
 * plan to the manager.
 */
export async function carryOut(
  make: MakePlan,
  flags: CarryOutFlags,
  client: ManagerClient,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const isJson = readFormat(flags.format);
  for (let plans = 1; ; plans++) {
    const plan = await make();
    if (flags.dryRun || plan.moves.length === 0) return show(plan, isJson, context);
    if (!isJson) show(plan, false, context);
    if (!flags.yes && !(await confirm(`Carry out ${counted(plan)}?`, '--yes', context)))
      return context.err('Nothing was moved\n');
    const id = await accepted(plan, flags, client, signal);
    // Shown and asked for again: what was agreed to is not what would be done.
    if (id !== undefined) return follow(id, isJson, client, context, signal);
    if (plans === MOST_PLANS)
      throw new ClusterError('the cluster changes faster than plans are made: nothing was moved. Try again', {
        code: 'PLAN_OUTDATED',
        status: 409,
      });
    context.err('The cluster has changed meanwhile: this is the plan now\n');
  }
}

/** Whether JSON is asked for. Throws for anything else but a table. */
function readFormat(format: string | undefined): boolean {
  if (format === undefined || format === 'table' || format === '') return false;
  if (format === 'json') return true;
  throw new UsageError(`--format "${format}" is neither table nor json`);
}

function show(plan: Plan, isJson: boolean, context: CommandContext): void {
  if (isJson) return context.out(`${printableJson(JSON.stringify(plan))}\n`);
  const lines = formatPlan(plan).split('\n');
  context.out(`${lines.map(printable).join('\n')}\n`);
}

function counted({ moves }: Plan): string {
  return moves.length === 1 ? 'this move' : `these ${moves.length} moves`;
}

/** The plan's ID; undefined when it is outdated. */
async function accepted(
  plan: Plan,
  { atOnce, keepSource }: CarryOutFlags,
  client: ManagerClient,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const body = { plan, atOnce, keepSourceMs: keepSource };
    return (await client.post<{ readonly id: string }>('/enxame/v1/moves', body, signal)).id;
  } catch (error) {
    if (error instanceof ClusterError && error.status === 409 && error.message.includes('the plan is outdated'))
      return undefined;
    throw error;
  }
}

/** Tells of each move as it goes on. */
async function follow(
  id: string,
  isJson: boolean,
  client: ManagerClient,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const told = new Map<string, string>();
  const look = ({ moves }: RunView): void => {
    if (!isJson) for (const each of moves) tell(each, told, context.out);
  };
  const view = await untilOver(id, look, client, context, signal);
  if (view) return finish(view, isJson, context);
  context.err(`The manager goes on with plan ${id}: 'enxame move stop ${id}' ends it\n`);
  throw signal.reason; // Nobody is to take it for done.
}

/**
 * Resolves with an accepted plan once it is over, undefined when the signal came first. A manager that is away for a while is asked again.
 *
 * @param look sees how it stands, again and again
 */
export async function untilOver(
  id: string,
  look: (view: RunView) => void,
  client: ManagerClient,
  { clock }: Pick<CommandContext, 'clock'>,
  signal: AbortSignal,
): Promise<RunView | undefined> {
  let answeredMs = clock.now();
  while (!signal.aborted) {
    const view = await viewOf(id, client, signal).catch((error: unknown) => {
      if (error instanceof NotFoundError || clock.now() - answeredMs > PATIENCE_MS) throw error;
      return undefined;
    });
    if (view) {
      answeredMs = clock.now();
      look(view);
      if (view.isOver) return view;
    }
    await clock.sleep(LOOK_MS, signal).catch(() => undefined);
  }
  return undefined;
}

async function viewOf(id: string, client: ManagerClient, signal: AbortSignal): Promise<RunView | undefined> {
  try {
    return await client.get<RunView>(`/enxame/v1/moves/${id}`, signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    if (!(error instanceof NotFoundError)) throw error;
    throw new NotFoundError(
      `the manager was restarted, and plan ${id} is over: see where things are with 'enxame ps'`,
      'NO_SUCH_PLAN',
    );
  }
}

function finish(view: RunView, isJson: boolean, context: CommandContext): void {
  if (isJson) context.out(`${printableJson(JSON.stringify(view))}\n`);
  const failed = view.moves.filter(({ state }) => state === 'failed' || state === 'skipped');
  if (failed.length === 0) return;
  const [first] = failed;
  const more = failed.length > 1 ? ` and ${failed.length - 1} more, see above` : '';
  throw new ClusterError(
    `${failed.length} of ${view.moves.length} moves were not made: ${printable(first?.container.name ?? '')}: ${printable(first?.why ?? '')}${more}`,
    { code: 'MOVE_FAILED', status: 409 },
  );
}

/** A line for each news: the state, and while it copies each tenth of the bytes. */
export function tell(standing: MoveStanding, told: Map<string, string>, out: (text: string) => void): void {
  const words = wordsOf(standing);
  if (words === '' || told.get(standing.container.key) === words) return;
  told.set(standing.container.key, words);
  const { container, from, to } = standing;
  out(`${printable(`${container.name}: ${from.name} -> ${to.name}: ${words}`)}\n`);
}

function wordsOf({ state, why, bytes, ofBytes }: MoveStanding): string {
  if (state === 'waiting') return '';
  if (state !== 'moving') return why === '' ? state : `${state}: ${why}`;
  if (bytes === 0) return 'moving';
  if (ofBytes === 0) return 'copying';
  const tenths = Math.min(10, Math.floor((10 * bytes) / ofBytes));
  return tenths === 0 ? 'copying' : `copied and verified ${tenths * 10} % of ${byteText(ofBytes / 2)}`;
}

/** Why nothing moves, in one line for each container. Throws unless all are where they should be. */
export function assertSomethingMoves({ moves, stays }: Plan): void {
  const hindered = stays.filter(({ why }) => !/^it is on .* already$/.test(why));
  if (moves.length > 0 || hindered.length === 0) return;
  const lines = hindered.map(({ container, why }) => `${printable(container.name)} stays: ${printable(why)}`);
  throw new ClusterError(lines.join('\n'), { code: 'NOTHING_MOVES', status: 409 });
}

/** A number of `least` to `most` from a flag. */
export function countFlag(flag: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new UsageError(`${flag} "${text}" should be a number from ${least} to ${most}`);
    return value;
  };
}
