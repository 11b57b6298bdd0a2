import { RestAnswer, RestFailure, type RestRoute } from '../rest.ts';
import { IMAGES, page } from './catalogue.ts';
import { settle } from './servers.ts';
import { type Body, drop, type Made, made, type OpenStackState, one, PROJECT } from './state.ts';

const ROOT = `/volume/v3/${PROJECT}/volumes`;

/** Cinder: docs.openstack.org/api-ref/block-storage/v3. */
export function volumeRoutes(state: OpenStackState): readonly RestRoute[] {
  const { volumes, delayMs } = state;
  return [
    [
      'GET',
      new RegExp(`${ROOT}/detail`),
      (call) => {
        settle(state);
        return page('volumes', volumes.map(shown), call);
      },
    ],
    [
      'GET',
      new RegExp(`${ROOT}/([^/]+)`),
      ({ parts: [id] }) => {
        settle(state);
        return { volume: shown(one(volumes, id)) };
      },
    ],
    [
      'POST',
      new RegExp(ROOT),
      ({ body }) => {
        const asked = body.volume as Body;
        if (!IMAGES.some(({ id }) => id === asked.imageRef))
          throw new RestFailure(400, 'badRequest', `Invalid image identifier ${asked.imageRef}`);
        const volume = made(asked, 'creating');
        volume.next = { status: 'available', at: Date.now() + delayMs };
        volumes.push(volume);
        return new RestAnswer(202, { volume: shown(volume) });
      },
    ],
    [
      'DELETE',
      new RegExp(`${ROOT}/([^/]+)`),
      ({ parts: [id] }) => {
        settle(state);
        const volume = one(volumes, id);
        if (!['available', 'error'].includes(volume.status))
          throw new RestFailure(400, 'badRequest', 'Invalid volume: Volume status must be available or error.');
        drop(volumes, volume);
        return new RestAnswer(202, undefined);
      },
    ],
  ];
}

function shown({ id, body, status }: Made): Body & { readonly id: string } {
  return { ...body, id, status };
}
