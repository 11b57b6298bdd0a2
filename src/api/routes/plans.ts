import type { BrakeForecast } from '../../availability/brake-forecast.ts';
import type { Plan, PlanReason } from '../../availability/plan.ts';
import { BadRequestError } from '../../common/errors.ts';
import { sendJson } from '../answer.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { assertPresent, type PresentNode, presentNodes } from '../present-nodes.ts';

/** What would be done, and is not. */
export const planRoutes: RouteHandlers = {
  'GET /enxame/v1/plans/drain': planDrain,
  'GET /enxame/v1/plans/drill': planDrill,
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
  sendJson(call.res, 200, JSON.stringify(await planning.drain(known.map(({ node }) => node))));
}

async function planDrill(call: Call): Promise<void> {
  const { planning, failover } = call.services;
  const nodes = askedNodes(call).map(({ node }) => node);
  const brake = failover.brake.forecast(new Set(nodes.map(({ id }) => id)));
  sendJson(call.res, 200, JSON.stringify({ ...(await planning.drill(nodes)), brake }));
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
