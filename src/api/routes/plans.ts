import type { KnownNode } from '../../cluster/node-directory.ts';
import { BadRequestError, ConflictError } from '../../common/errors.ts';
import { sendJson } from '../answer.ts';
import type { Call, RouteHandlers } from '../call.ts';

/** What would be done, and is not. */
export const planRoutes: RouteHandlers = {
  'GET /enxame/v1/plans/drain': planDrain,
};

async function planDrain(call: Call): Promise<void> {
  const { nodes, planning } = call.services;
  const known = askedNodes(call);
  nodes.assertDrainable(known);
  sendJson(call.res, 200, JSON.stringify(await planning.drain(known.map(({ node }) => node))));
}

/** The nodes of the cluster that a call names. Throws 400 when it names none, 404 for an unknown one, 409 for one that left. */
function askedNodes({ query, services }: Call): readonly PresentNode[] {
  const references = query.getAll('node');
  if (references.length === 0)
    throw new BadRequestError('name the nodes: ?node=NAME, as often as needed', 'NO_NODE_NAMED');
  const found = references.map((reference) => services.nodes.find(reference));
  const left = found.find(({ node }) => !node);
  if (left) throw new ConflictError(`node ${left.name} is not in the cluster: ${left.reason}`, 'NODE_LEFT');
  return [...new Map(found.map((each) => [each.id, each])).values()].filter(isPresent);
}

type PresentNode = KnownNode & { readonly node: NonNullable<KnownNode['node']> };

function isPresent(known: KnownNode): known is PresentNode {
  return known.node !== undefined;
}
