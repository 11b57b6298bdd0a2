import type { DrillOptions } from '../../availability/drills.ts';
import type { Node } from '../../cluster/node.ts';
import { BadRequestError } from '../../common/errors.ts';
import { sendStatus } from '../answer.ts';
import { readJson } from '../body.ts';
import type { Call, RouteHandlers } from '../call.ts';
import { presentNodes } from '../present-nodes.ts';

/** A day: what lasts longer is ended by an operator. */
const MAX_MS = 86_400_000;
const MIN_MS = 1_000;

/** Nodes that are treated as lost, and are not. */
export const drillRoutes: RouteHandlers = {
  'POST /enxame/v1/drill': beginDrill,
  'DELETE /enxame/v1/drill': endDrill,
};

async function beginDrill(call: Call): Promise<void> {
  const { references, options } = readDrill((await readJson(call)).value);
  call.services.drills.begin(nodesOf(call, references), options);
  sendStatus(call.res, 204);
}

/** The nodes `?node=…`, or all of them. */
async function endDrill(call: Call): Promise<void> {
  const { drills } = call.services;
  const references = call.query.getAll('node');
  drills.end(references.length === 0 ? drills.nodes : nodesOf(call, references));
  sendStatus(call.res, 204);
}

function nodesOf(call: Call, references: readonly string[]): readonly Node[] {
  return presentNodes(call, references).map(({ node }) => node);
}

/** Throws 400 for what is no drill. */
function readDrill(value: unknown): { readonly references: readonly string[]; readonly options: DrillOptions } {
  const { nodes, forMs, force = false } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const areNames = Array.isArray(nodes) && nodes.length > 0 && nodes.every((name) => typeof name === 'string');
  if (!areNames) throw new BadRequestError('drill: nodes should be names, IDs or addresses of nodes', 'BAD_DRILL');
  const isTime = typeof forMs === 'number' && forMs >= MIN_MS && forMs <= MAX_MS;
  if (forMs !== undefined && !isTime)
    throw new BadRequestError('drill: forMs should be from 1000 to 86400000 milliseconds (1s to 24h)', 'BAD_DRILL');
  if (typeof force !== 'boolean') throw new BadRequestError('drill: force should be true or false', 'BAD_DRILL');
  return { references: nodes as readonly string[], options: { forMs, isForced: force } };
}
