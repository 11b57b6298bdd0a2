import { FLEET_IMAGES } from '../../simulator/population.ts';
import type { LoadClient } from '../load/client.ts';
import { filteredList, jsonRequest, plainRequest } from '../load/requests.ts';
import type { Operation } from '../load/run.ts';
import { runLoad } from '../load/run.ts';
import type { Target } from '../load/target.ts';

const OWN_LABEL = 'bench.created';
const REMOVE_CLIENTS = 16;

/** The body a docker CLI sends for `docker run -d`, without what is empty. */
const BODY = JSON.stringify({
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: ['MODE=bench', 'LANG=C.UTF-8'],
  Cmd: ['redis-server'],
  Image: FLEET_IMAGES[0],
  Volumes: {},
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: { [OWN_LABEL]: 'yes' },
  HostConfig: {
    Binds: null,
    LogConfig: { Type: '', Config: {} },
    NetworkMode: 'bridge',
    PortBindings: {},
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    AutoRemove: false,
    Memory: 16_777_216,
    NanoCpus: 0,
    CpuShares: 0,
    Privileged: false,
  },
  NetworkingConfig: { EndpointsConfig: {} },
});

/** Creates and starts one container under a name of its own. @param prefix unique per measurement */
export function createAndStart(prefix: string): Operation {
  return {
    name: 'create + start',
    run: async (client, serial) => {
      const created = await client.fetch(jsonRequest(`/containers/create?name=${prefix}-${serial}`, BODY));
      if (created.status !== 201)
        throw new Error(`create: status ${created.status}: ${created.body.toString().trim()}`);
      const { Id } = JSON.parse(created.body.toString()) as { Id: string };
      const started = await client.request(plainRequest('POST', `/containers/${Id}/start`));
      if (started.status !== 204) throw new Error(`start: status ${started.status}`);
      return created.body.length;
    },
  };
}

/** Removes everything {@link createAndStart} left on a target. */
export async function removeCreated(target: Target, lister: LoadClient): Promise<void> {
  const { body } = await lister.fetch(plainRequest('GET', filteredList({ label: [OWN_LABEL] })));
  const ids = (JSON.parse(body.toString()) as { Id: string }[]).map(({ Id }) => Id);
  const removal: Operation = {
    name: 'remove',
    run: async (client, serial) =>
      (await client.request(plainRequest('DELETE', `/containers/${ids[serial]}?force=1`))).bytes,
  };
  await runLoad(removal, { target, clients: REMOVE_CLIENTS, seconds: 120, maxOps: ids.length });
}
