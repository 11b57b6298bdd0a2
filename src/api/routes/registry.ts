import type { Node } from '../../cluster/node.ts';
import { readBody } from '../body.ts';
import type { Call, RouteHandlers } from '../call.ts';
import { askOneOf, healthyNodes } from '../node-calls.ts';
import { sendAnswer } from '../proxy.ts';

/** Questions to registries: any engine can ask them, another one when the first does not answer. */
export const registryRoutes: RouteHandlers = {
  'POST /auth': askAnyEngine,
  'GET /images/search': askAnyEngine,
  'GET /distribution/{name}/json': askAnyEngine,
};

async function askAnyEngine(call: Call): Promise<void> {
  const body = call.req.method === 'POST' ? { body: await readBody(call) } : {};
  const nodes = healthyNodes(call);
  const next = (asked: ReadonlySet<Node>): Node | undefined => nodes.find((node) => !asked.has(node));
  const answer = await askOneOf(call, next, { path: call.path + call.search, ...body });
  sendAnswer(call, answer);
}
