import type { BrakeForecast } from '../../availability/brake-forecast.ts';
import type { Plan, PlanReason } from '../../availability/plan.ts';
import type { Node } from '../../cluster/node.ts';
import { BadRequestError, ConflictError, NotFoundError } from '../../common/errors.ts';
import { sendJson } from '../answer.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { assertPresent, type PresentNode, presentNodes } from '../present-nodes.ts';

/** What would be done, and is not. */
export const planRoutes: RouteHandlers = {
  'GET /enxame/v1/plans/drain': planDrain,
  'GET /enxame/v1/plans/drill': planDrill,
  'GET /enxame/v1/plans/move': planMove,
  'GET /enxame/v1/plans/rebalance': planRebalance,
  'GET /enxame/v1/explain/containers/{id}': explainContainer,
  'GET /enxame/v1/explain/nodes/{id}': explainNode,
};

/** What a drill answers. */
export type DrillPlan = Plan & {
  readonly reason: PlanReason & { readonly kind: 'drill' };
  readonly brake: BrakeForecast;
};

async function planDrain(call: Call): Promise<void> {
  const { nodes, planning } = call.services;
  const known = askedNodes(call);
  nodes.assertDrainable(known);
  const drained = known.map(({ node }) => node);
  const carries = isTrue(call.query.get('volumes'));
  sendJson(
    call.res,
    200,
    JSON.stringify(await (carries ? planning.drainWithVolumes(drained) : planning.drain(drained))),
  );
}

async function planDrill(call: Call): Promise<void> {
  const { planning, failover } = call.services;
  const nodes = askedNodes(call).map(({ node }) => node);
  const brake = failover.brake.forecast(new Set(nodes.map(({ id }) => id)));
  sendJson(call.res, 200, JSON.stringify({ ...(await planning.drill(nodes)), brake }));
}

/** Moves of one plan at most, unless a client says another number. */
const MAX_MOVES = 100;
/** Containers that are looked at for one plan at most. */
const MAX_CONTAINERS = 10_000;

async function planMove(call: Call): Promise<void> {
  const { cluster, planning } = call.services;
  const references = [...new Set(call.query.getAll('container'))];
  if (references.length === 0 || references.length > MAX_CONTAINERS)
    throw new BadRequestError(
      'name the containers, 10000 at most: ?container=NAME, as often as needed',
      'NO_CONTAINER_NAMED',
    );
  const containers = [...new Set(references.map((reference) => cluster.container(reference)))];
  const to = call.query.get('to');
  const among = nodesWhere(call);
  if (to !== null && among)
    throw new BadRequestError('`to` names the node, `where` chooses among nodes: give one of them', 'BAD_MOVE');
  const [node] = to === null ? [] : presentNodes(call, [to]);
  if (node && node.node.availability !== 'active')
    throw new ConflictError(
      `node ${node.name} takes nothing new: its availability is ${node.node.availability}`,
      'MOVE_REFUSED',
    );
  sendJson(call.res, 200, JSON.stringify(await planning.move({ containers, to: node?.node, among })));
}

async function planRebalance(call: Call): Promise<void> {
  const text = call.query.get('max-moves') ?? String(MAX_MOVES);
  const maxMoves = Number(text);
  if (!/^\d{1,5}$/.test(text) || maxMoves < 1 || maxMoves > MAX_CONTAINERS)
    throw new BadRequestError(`max-moves "${text}" should be from 1 to ${MAX_CONTAINERS}`, 'BAD_MOVE');
  const carries = isTrue(call.query.get('volumes'));
  sendJson(
    call.res,
    200,
    JSON.stringify(await call.services.planning.rebalance({ maxMoves, among: nodesWhere(call), carries })),
  );
}

function isTrue(text: string | null): boolean {
  return text === 'true' || text === '1';
}

/** The nodes with all the labels `?where=LABEL=VALUE`; undefined when none is given. Throws 404 when no node has them. */
function nodesWhere({ query, services }: Call): readonly Node[] | undefined {
  const where = query.getAll('where');
  if (where.length === 0) return undefined;
  const pairs = where.map((text) => {
    const equals = text.indexOf('=');
    if (equals < 1) throw new BadRequestError(`where "${text}" is not LABEL=VALUE`, 'BAD_MOVE');
    return [text.slice(0, equals), text.slice(equals + 1)] as const;
  });
  const found = services.cluster.nodes.filter(({ labels }) => pairs.every(([key, value]) => labels.get(key) === value));
  if (found.length === 0) throw new NotFoundError(`no node has ${where.join(' and ')}`, 'NO_SUCH_NODE');
  return found;
}

async function explainContainer(call: Call): Promise<void> {
  sendJson(call.res, 200, JSON.stringify(await call.services.explainer.container(param(call, 'id'))));
}

async function explainNode(call: Call): Promise<void> {
  const { nodes, explainer } = call.services;
  const { node } = assertPresent(nodes.find(param(call, 'id')));
  sendJson(call.res, 200, JSON.stringify(await explainer.node(node)));
}

/** The nodes of the cluster that a call names. Throws 400 when it names none. */
function askedNodes(call: Call): readonly PresentNode[] {
  const references = call.query.getAll('node');
  if (references.length === 0)
    throw new BadRequestError('name the nodes: ?node=NAME, as often as needed', 'NO_NODE_NAMED');
  return presentNodes(call, references);
}
