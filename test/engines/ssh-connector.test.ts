import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { parseEntry, type SshEntry } from '../../src/discovery/entry.ts';
import { sshConnector } from '../../src/engine/connectors/ssh.ts';
import { clientPath } from '../../src/lab/lab.ts';
import { testConnector } from '../conformance/connector.ts';
import { FarEnd } from '../conformance/far-end.ts';
import { startSshd, type TestSshd } from './sshd.ts';

describe.each([
  { way: 'to a socket', lines: [] as string[] },
  { way: 'by docker system dial-stdio', lines: ['AllowStreamLocalForwarding no'] },
])('$way', ({ way, lines }) => {
  let folder: string;
  let server: TestSshd;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'enxame-ssh-connector-'));
    const docker = await clientPath('docker', '28.5');
    const environment = `SetEnv DOCKER_HOST=unix://${folder}/socket PATH=${dirname(docker.command)}:/usr/bin:/bin`;
    server = await startSshd([...lines, environment]);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  testConnector(`ssh ${way}`, async () => {
    const path = join(folder, 'socket');
    const far = await FarEnd.listen({ path });
    const entry = parseEntry(`ssh://${server.user}@127.0.0.1:${server.port}`) as SshEntry;
    let isStopped = false;
    return {
      connector: sshConnector(entry, { environment: server.environment, socketPath: path }),
      endsWithFarSide: lines.length > 0,
      serve: far.serve,
      breakIt: async () => {
        isStopped = true;
        await server.stop();
      },
      close: async () => {
        await far.close();
        if (isStopped) await server.start();
      },
    };
  });
});
