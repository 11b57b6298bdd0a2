import { NotFoundError } from '../../common/errors.ts';
import { sendStatus } from '../answer.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';

/** The cluster's nodes, as far as Docker's API has words for them. */
export const nodeRoutes: RouteHandlers = {
  'DELETE /nodes/{id}': forgetNode,
};

async function forgetNode(call: Call): Promise<void> {
  const reference = param(call, 'id');
  const { forgetNode: forget } = call.services;
  if (!forget) throw new NotFoundError(`no node ${reference} is remembered`, 'NO_SUCH_NODE');
  await forget(reference);
  sendStatus(call.res, 200);
}
