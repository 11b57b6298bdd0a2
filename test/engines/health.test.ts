import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Cluster } from '../../src/cluster/cluster.ts';
import type { Node } from '../../src/cluster/node.ts';
import { systemClock } from '../../src/common/clock.ts';
import { silentLogger } from '../../src/common/logger.ts';
import { openDiscovery } from '../../src/discovery/discovery.ts';
import type { Entry } from '../../src/discovery/entry.ts';
import { connectorFor } from '../../src/engine/connectors/connectors.ts';
import { readEngineTls } from '../../src/engine/connectors/socket.ts';
import { type Lab, type LabNode, startLab } from '../../src/lab/lab.ts';
import { Accounting } from '../../src/monitor/accounting.ts';
import { Membership } from '../../src/monitor/membership.ts';
import { DEFAULT_TIMES } from '../../src/monitor/times.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { tidy } from './tidy.ts';

let lab: Lab;
/** Those that discovery lists at first. */
let nodes: readonly LabNode[];
let directory: string;
let file: string;
let cluster: Cluster;
let membership: Membership;
let states: { readonly name: string; readonly to: string }[];

beforeAll(async () => {
  lab = await startLab({ nodes: ['one', 'two', 'three'].map((name) => ({ name })) });
  nodes = lab.nodes;
  await Promise.all(nodes.map((node) => node.load(['busybox'])));
  directory = await mkdtemp(join(tmpdir(), 'enxame-health-'));
  file = join(directory, 'nodes');
});

afterAll(async () => {
  await lab?.close();
  if (directory) await rm(directory, { recursive: true, force: true });
});

beforeEach(async () => {
  await writeEntries(nodes);
  const shared = { clock: systemClock, logger: silentLogger(), accounting: new Accounting(systemClock) };
  cluster = new Cluster(shared);
  states = [];
  cluster.subscribe((event) => {
    if (event.kind === 'node-state') states.push({ name: event.node.name, to: event.to });
  });
  const certificates = lab.certificates;
  if (!certificates) throw new Error('the lab has no certificates');
  const tls = await readEngineTls({
    ca: certificates.ca,
    cert: certificates.cert,
    key: certificates.key,
    verify: true,
  });
  const settings = { heartbeatMs: 500, clock: systemClock, options: new Map<string, string>(), env: {} };
  const deps = {
    ...shared,
    cluster,
    backend: await openDiscovery(`file://${file}`, settings),
    connect: (entry: Entry) => connectorFor(entry, { tls }),
  };
  membership = new Membership(deps, DEFAULT_TIMES);
  membership.start();
  await allHealthy();
});

afterEach(async () => {
  await membership?.close();
  await tidy(lab);
});

async function writeEntries(entries: readonly LabNode[]): Promise<void> {
  await writeFile(file, entries.map(({ endpoint }) => `${endpoint}\n`).join(''));
}

async function allHealthy(count: number = nodes.length): Promise<void> {
  await waitFor('healthy nodes', () => cluster.healthyNodes().length === count);
}

function modelOf(node: LabNode): Node {
  const found = cluster.nodes.find(({ entry }) => entry === node.endpoint);
  if (!found) throw new Error(`no node ${node.name}`);
  return found;
}

function statesOf(name: string): string[] {
  return states.flatMap((each) => (each.name === name ? [each.to] : []));
}

/** Runs a container on an engine behind the manager's back and waits until the model has it. */
async function run(node: LabNode, name: string): Promise<void> {
  const { exitCode, stderr } = await node.docker(['run', '-d', '--name', name, 'busybox', 'sleep', '3600']);
  expect(exitCode, stderr).toBe(0);
  await waitFor(`${name} in the model`, () => cluster.findContainer(name)?.state === 'running');
}

const FAULTS = [
  {
    fault: 'a killed engine',
    begin: (node: LabNode) => node.killEngine(),
    end: (node: LabNode) => node.start(),
    reason: /ECONNREFUSED|ECONNRESET|closed/,
  },
  {
    fault: 'a stopped engine',
    begin: (node: LabNode) => node.stop(),
    end: (node: LabNode) => node.start(),
    reason: /ECONNREFUSED|ECONNRESET|closed/,
  },
  {
    fault: 'a hanging engine',
    begin: async (node: LabNode) => node.hang(),
    end: async (node: LabNode) => node.resume(),
    reason: /no answer within/,
  },
  {
    fault: 'a lost host',
    begin: (node: LabNode) => node.crash(),
    end: (node: LabNode) => node.start(),
    reason: /no answer within|EHOSTUNREACH/,
  },
  {
    fault: 'a partitioned node',
    begin: (node: LabNode) => node.partition(),
    end: (node: LabNode) => node.heal(),
    reason: /no answer within|EHOSTUNREACH/,
  },
];

describe.each(FAULTS)('$fault', ({ begin, end, reason }) => {
  test('is known, delays nobody, and comes back', async () => {
    const [bad, good] = [lab.node('three'), lab.node('one')];
    await run(bad, 'on-bad');
    await begin(bad);
    await run(good, 'on-good');
    await waitFor('an unhealthy node', () => modelOf(bad).state === 'Unhealthy');
    expect(modelOf(bad).reason).toMatch(reason);
    expect(cluster.findContainer('on-bad')?.isListedByDefault).toBe(false);
    await good.docker(['stop', '-t', '0', 'on-good']);
    await waitFor('the stop in the model', () => cluster.findContainer('on-good')?.state === 'exited');
    await end(bad);
    await allHealthy();
    expect(statesOf('three').slice(0, 2)).toEqual(['Healthy', 'Unhealthy']);
    await bad.docker(['rm', '-f', 'on-bad']);
    await waitFor('the removal in the model', () => cluster.findContainer('on-bad') === undefined);
  });
});

test('an engine that comes back with other containers shows them', async () => {
  const node = lab.node('three');
  await run(node, 'before');
  await node.partition();
  await waitFor('an unhealthy node', () => !modelOf(node).isHealthy);
  await node.docker(['rm', '-f', 'before']);
  await node.docker(['create', '--name', 'after', 'busybox']);
  await node.heal();
  await allHealthy();
  expect([...cluster.containerList].map(({ name }) => name)).toEqual(['after']);
});

test('an entry taken out of the file takes its node along, and brings it back', async () => {
  const node = lab.node('two');
  await run(node, 'web');
  await writeEntries([lab.node('one'), lab.node('three')]);
  await waitFor('two nodes', () => cluster.nodes.length === 2);
  expect(cluster.containerCount).toBe(0);
  // It may be missed for a while on a busy machine.
  expect([statesOf('two')[0], statesOf('two').at(-1)]).toEqual(['Healthy', 'Disconnected']);
  await writeEntries(nodes);
  await allHealthy();
  expect(cluster.findContainer('web')?.node.name).toBe('two');
});

describe('engine IDs', () => {
  test('one engine under two addresses is one node; the other entry says why it is none', async () => {
    const one = lab.node('one');
    const [, port] = one.endpoint.split(':');
    await writeFile(file, `${nodes.map(({ endpoint }) => endpoint).join('\n')}\ntls://${one.endpoint}\n`);
    await waitFor('a refusal', () => cluster.nodes.some(({ reason }) => reason.includes('already in the cluster')));
    await waitFor(
      'the three',
      () =>
        cluster
          .healthyNodes()
          .map(({ name }) => name)
          .join() === 'one,two,three',
    );
    expect(modelOf(one).entry).toContain(`:${port}`);
  });

  test('clones that share an engine ID are both used and reported', async () => {
    const clones = await Promise.all(['clone-1', 'clone-2'].map((name) => lab.addNode({ name, engineId: 'shared' })));
    await Promise.all(clones.map((clone) => clone.load(['busybox'])));
    await writeEntries([...nodes, ...clones]);
    await allHealthy(nodes.length + clones.length);
    const twins = clones.map(modelOf);
    expect(new Set(twins.map(({ id }) => id)).size).toBe(2);
    expect(twins.flatMap(({ warnings }) => warnings).join()).toContain('cloned machine');
    await run(clones[0] ?? lab.node('clone-1'), 'on-clone-1');
    await run(clones[1] ?? lab.node('clone-2'), 'on-clone-2');
    expect(cluster.findContainer('on-clone-1')?.node.name).toBe('clone-1');
    expect(cluster.findContainer('on-clone-2')?.node.name).toBe('clone-2');
  });
});
