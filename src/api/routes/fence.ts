import { BadRequestError } from '../../common/errors.ts';
import { fieldsOf } from '../../scheduler/json.ts';
import { sendStatus } from '../answer.ts';
import { readJson } from '../body.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';

/** Whether a container that is there must never run twice. */
export const fenceRoutes: RouteHandlers = {
  'POST /enxame/v1/containers/{id}/fence': setFence,
};

async function setFence(call: Call): Promise<void> {
  const { fence } = fieldsOf((await readJson(call)).value);
  if (fence !== 'strict' && fence !== 'off')
    throw new BadRequestError('fence: fence should be "strict" or "off"', 'BAD_FENCE');
  const { cluster, fenceSwitch } = call.services;
  await fenceSwitch.set(cluster.container(param(call, 'id')), fence, call.signal);
  sendStatus(call.res, 204);
}
