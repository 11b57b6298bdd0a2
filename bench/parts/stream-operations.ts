import { STREAM_BYTES_LABEL } from '../../simulator/container.ts';
import { FLEET_IMAGES } from '../../simulator/population.ts';
import { LoadClient } from '../load/client.ts';
import { jsonRequest, plainRequest } from '../load/requests.ts';
import type { Operation } from '../load/run.ts';
import type { Target } from '../load/target.ts';
import { upload } from '../load/upload.ts';

/** Creates and starts a container whose streams are `bytes` long; answers its ID. */
export async function createStreamSource(target: Target, bytes: number): Promise<string> {
  const client = new LoadClient(target);
  const labels = { [STREAM_BYTES_LABEL]: String(bytes) };
  const body = JSON.stringify({ Image: FLEET_IMAGES[0], Labels: labels, HostConfig: {} });
  const created = await client.fetch(jsonRequest(`/containers/create?name=bench-stream-${Date.now()}`, body));
  if (created.status !== 201) throw new Error(`create: status ${created.status}: ${created.body.toString().trim()}`);
  const { Id } = JSON.parse(created.body.toString()) as { Id: string };
  await client.request(plainRequest('POST', `/containers/${Id}/start`));
  client.close();
  return Id;
}

/** Removes what {@link createStreamSource} made. */
export async function removeStreamSource(target: Target, id: string): Promise<void> {
  const client = new LoadClient(target);
  await client.request(plainRequest('DELETE', `/containers/${id}?force=1`));
  client.close();
}

/** One stream of `bytes` bytes in each way there is. */
export function streamOperations(target: Target, id: string, bytes: number): Operation[] {
  return [
    download('archive out', plainRequest('GET', `/containers/${id}/archive?path=/data`), bytes),
    {
      name: 'archive in',
      run: async () => {
        const status = await upload(target, `/containers/${id}/archive?path=/data`, bytes);
        if (status !== 200) throw new Error(`archive in: status ${status}`);
        return bytes;
      },
    },
    download('logs', plainRequest('GET', `/containers/${id}/logs?stdout=1`), bytes),
    download('attach', attachRequest(id), bytes),
  ];
}

function download(name: string, request: string, bytes: number): Operation {
  return {
    name,
    run: async (client) => {
      const answer = await client.request(request);
      if (answer.bytes < bytes) throw new Error(`${name}: status ${answer.status}, ${answer.bytes} of ${bytes} bytes`);
      return answer.bytes;
    },
  };
}

function attachRequest(id: string): string {
  return `POST /v1.44/containers/${id}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n`;
}
