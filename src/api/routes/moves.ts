import type { RunOptions } from '../../availability/accepted-plan.ts';
import { MAX_KEEP_SOURCE_MS, type Plan, type PlannedMove } from '../../availability/plan.ts';
import { BadRequestError } from '../../common/errors.ts';
import { MOST_TOGETHER } from '../../lifecycle/volume-sharing.ts';
import { fieldsOf } from '../../scheduler/json.ts';
import { sendJson, sendStatus } from '../answer.ts';
import { readJson } from '../body.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';

/** Some 10,000 moves. */
const MAX_PLAN_BYTES = 16 * 2 ** 20;
const MAX_MOVES = 10_000;
const MAX_AT_ONCE = 100;
const DEFAULT_AT_ONCE = 1;
/** A day. */
const KEEP_MS = 86_400_000;

/** Plans that people accepted. */
export const moveRoutes: RouteHandlers = {
  'GET /enxame/v1/moves': async ({ res, services }) => sendJson(res, 200, JSON.stringify(services.runs.list())),
  'POST /enxame/v1/moves': accept,
  'GET /enxame/v1/moves/{id}': async (call) =>
    sendJson(call.res, 200, JSON.stringify(call.services.runs.get(param(call, 'id')))),
  'DELETE /enxame/v1/moves/{id}': async (call) => {
    await call.services.runs.end(param(call, 'id'));
    sendStatus(call.res, 204);
  },
};

async function accept(call: Call): Promise<void> {
  const { plan, ...options } = fieldsOf((await readJson(call, MAX_PLAN_BYTES)).value);
  const id = await call.services.runs.accept(readPlan(plan), readOptions(options));
  sendJson(call.res, 201, JSON.stringify({ id }));
}

/** Throws 400 for what is no plan of moves between healthy nodes. */
function readPlan(value: unknown): Plan {
  const { moves } = fieldsOf(value);
  if (!Array.isArray(moves) || moves.length === 0 || moves.length > MAX_MOVES)
    throw new BadRequestError(
      `a plan has from 1 to ${MAX_MOVES} moves; take it from GET /enxame/v1/plans/move`,
      'BAD_PLAN',
    );
  const wrong = moves.findIndex((move) => !isMove(move));
  if (wrong >= 0) throw new BadRequestError(`move ${wrong + 1} of the plan cannot be read`, 'BAD_PLAN');
  const keys = new Set((moves as readonly PlannedMove[]).map(({ container }) => container.key));
  if (keys.size < moves.length) throw new BadRequestError('a plan moves each container once', 'BAD_PLAN');
  const byKey = new Map((moves as readonly PlannedMove[]).map((move) => [move.container.key, move]));
  const torn = (moves as readonly PlannedMove[]).find((move) => !isWholeUnit(move, byKey));
  if (torn)
    throw new BadRequestError(
      `${torn.container.name} moves as one with others, and the plan does not have all of them alike: take it whole from GET /enxame/v1/plans/move`,
      'BAD_PLAN',
    );
  return value as Plan;
}

/** Those that move as one go the same way, and name each other. */
function isWholeUnit({ container, from, to, together }: PlannedMove, byKey: ReadonlyMap<string, PlannedMove>): boolean {
  if (together === undefined) return true;
  if (together.length > MOST_TOGETHER || !together.includes(container.key)) return false;
  const others = together.map((key) => byKey.get(key));
  const isSame = (each: PlannedMove | undefined): boolean =>
    each?.from.id === from.id && each.to.id === to.id && each.together?.join() === together.join();
  return others.every(isSame);
}

function isMove(value: unknown): boolean {
  const { container, from, to, how, why, generation, after = [], copies = [], together = [] } = fieldsOf(value);
  const names = [container, from, to].flatMap((each) => [fieldsOf(each).id, fieldsOf(each).name]);
  const areTexts = [...names, fieldsOf(container).key, why].every((text) => typeof text === 'string');
  const isKnown = how === 'start-first' || how === 'stop-first';
  const areLists = [after, copies, together].every((each) => Array.isArray(each));
  return areTexts && isKnown && Number.isSafeInteger(generation) && areLists;
}

function readOptions({
  atOnce = DEFAULT_AT_ONCE,
  keepSourceMs = KEEP_MS,
}: Readonly<Record<string, unknown>>): RunOptions {
  if (!isWithin(atOnce, 1, MAX_AT_ONCE))
    throw new BadRequestError(`atOnce should be from 1 to ${MAX_AT_ONCE}`, 'BAD_PLAN');
  if (!isWithin(keepSourceMs, 0, MAX_KEEP_SOURCE_MS))
    throw new BadRequestError(
      `keepSourceMs should be from 0 to ${MAX_KEEP_SOURCE_MS} milliseconds (366 days)`,
      'BAD_PLAN',
    );
  return { atOnce, keepSourceMs };
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}
