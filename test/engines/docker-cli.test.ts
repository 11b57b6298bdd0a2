import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Generation } from '../../src/lab/lab.ts';
import { dockerScenarios } from '../matrix/scenarios/docker-cli.ts';
import { nodeScenarios } from '../matrix/scenarios/docker-nodes.ts';
import { removeLabelled, startSleepers } from '../matrix/scenarios/docker-sleepers.ts';
import { MIXED, type Swarm, startSwarm } from '../matrix/swarm.ts';
import { User } from '../matrix/user.ts';

/** The oldest and the newest CLI over engines of all generations; `npm run test:matrix` has every pair. */
const CORNERS: readonly Generation[] = ['20.10', '28.5'];

let swarm: Swarm;

beforeAll(async () => {
  swarm = await startSwarm(MIXED);
});

afterAll(() => swarm?.close());

for (const generation of CORNERS) dockerScenarios(generation, () => swarm);

describe('docker 26.1', () => {
  const user = new User('26.1', () => swarm);
  beforeAll(() => startSleepers(user));
  afterAll(() => removeLabelled(user));
  nodeScenarios(user);
});

describe('clients that cannot be had here, by what they send', () => {
  const user = new User('28.5', () => swarm);

  beforeAll(async () => {
    await user.docker([
      'run',
      '-d',
      '--name',
      'wire',
      '-e',
      'constraint:node==two',
      '--network',
      'none',
      'busybox',
      'true',
    ]);
  });

  afterAll(async () => {
    await user.try(['rm', '-f', 'wire']);
  });

  // docker/cli from 29.4 on shows no name with a slash in it, and nothing when there is no other.
  test.each([
    { agent: 'Docker-Client/29.4.0 (linux)', names: ['/wire', '/two/wire'] },
    { agent: 'Docker-Client/30.0.1 (windows)', names: ['/wire', '/two/wire'] },
    { agent: 'Docker-Client/29.3.1 (linux)', names: ['/two/wire'] },
    { agent: 'Docker-Client/19.03.15 (darwin)', names: ['/two/wire'] },
    { agent: 'compose/v5.0.0', names: ['/wire', '/two/wire'] },
    { agent: 'docker-sdk-python/7.1.0', names: ['/wire', '/two/wire'] },
    { agent: undefined, names: ['/wire', '/two/wire'] },
  ])('$agent is listed $names', async ({ agent, names }) => {
    const listed = (await get('/v1.44/containers/json?all=1', agent)) as { Names: string[] }[];
    expect(listed.map(({ Names }) => Names)).toEqual([names]);
  });

  // CLIs from 29.0 on demand 1.44; clients of ten years ago ask for 1.24.
  test('the version offered suits the newest clients, the oldest are served', async () => {
    const version = (await get('/version', 'Docker-Client/29.4.0 (linux)')) as {
      ApiVersion: string;
      MinAPIVersion: string;
    };
    expect([version.ApiVersion, version.MinAPIVersion]).toEqual(['1.44', '1.24']);
    expect(await get('/v1.24/containers/json?all=1', 'Docker-Client/1.12.6 (linux)')).toHaveLength(1);
  });
});

/** One GET over TLS with the user agent of a client. */
async function get(path: string, agent: string | undefined): Promise<unknown> {
  const files = swarm.lab.certificates;
  if (!files) throw new Error('the lab has no certificates');
  const [ca, cert, key] = await Promise.all([readFile(files.ca), readFile(files.cert), readFile(files.key)]);
  const headers = agent === undefined ? {} : { 'User-Agent': agent };
  const [host, port] = swarm.endpoint.split(':');
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, path, ca, cert, key, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString())));
    });
    sent.on('error', reject);
    sent.end();
  });
}
