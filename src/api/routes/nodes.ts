import { BadRequestError } from '../../common/errors.ts';
import { sendJson, sendStatus } from '../answer.ts';
import { NODE_SPEC } from '../body-shapes.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { readCanonical } from '../canonical-body.ts';
import { SwarmInactiveError } from '../errors.ts';
import { matchesNode, NODE_FILTERS } from '../filters/nodes.ts';
import { parseFilters } from '../filters/query.ts';
import { TASK_FILTERS, taskTest } from '../filters/tasks.ts';
import { readNodeChoices } from '../node-choices.ts';
import { dockerNode } from '../views/docker-node.ts';
import { dockerTask } from '../views/docker-task.ts';

/** The cluster's nodes, as far as Docker's API has words for them. */
export const nodeRoutes: RouteHandlers = {
  'GET /nodes': listNodes,
  'GET /nodes/{id}': inspectNode,
  'POST /nodes/{id}/update': updateNode,
  'DELETE /nodes/{id}': removeNode,
  'GET /tasks': listTasks,
};

async function listNodes(call: Call): Promise<void> {
  const filters = parseFilters(call.query.get('filters'), NODE_FILTERS);
  const nodes = call.services.nodes.list().map(dockerNode);
  sendJson(call.res, 200, JSON.stringify(nodes.filter((node) => matchesNode(node, filters))));
}

async function inspectNode(call: Call): Promise<void> {
  sendJson(call.res, 200, JSON.stringify(dockerNode(call.services.nodes.find(param(call, 'id')))));
}

async function updateNode(call: Call): Promise<void> {
  const { nodes } = call.services;
  const reference = param(call, 'id');
  const known = nodes.find(reference);
  const asked = call.query.get('version') ?? '';
  if (!/^\d{1,15}$/.test(asked))
    throw new BadRequestError(
      `invalid node version '${asked}': give the Version.Index that GET /nodes/${reference} answers`,
      'BAD_NODE_VERSION',
    );
  const { value } = await readCanonical(call, NODE_SPEC);
  const choices = readNodeChoices(value, known.name);
  // Read again: the body may have taken a while.
  await nodes.update(known.id, Number(asked), choices);
  sendStatus(call.res, 200);
}

async function removeNode(call: Call): Promise<void> {
  await call.services.nodes.forget(param(call, 'id'));
  sendStatus(call.res, 200);
}

/** The containers of nodes, as `docker node ps` asks for them. Other questions about tasks are about services, which there are none of. */
async function listTasks(call: Call): Promise<void> {
  const filters = parseFilters(call.query.get('filters'), TASK_FILTERS);
  const wanted = filters.get('node') ?? [];
  if (wanted.length === 0) throw new SwarmInactiveError('swarm-mode tasks; use compose');
  const { drain } = call.services;
  const matches = taskTest(filters);
  const nodes = new Set(wanted.flatMap((reference) => call.services.nodes.find(reference).node ?? []));
  const containers = [...nodes].flatMap((node) => [...node.containers.values()]);
  const shown = containers.filter(({ isOfSwarm }) => !isOfSwarm);
  sendJson(call.res, 200, JSON.stringify(shown.map((each) => dockerTask(each, drain.stayOf(each.id))).filter(matches)));
}
