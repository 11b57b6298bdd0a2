import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Node } from '../../src/cluster/node.ts';
import { systemClock } from '../../src/common/clock.ts';
import { type Generation, type Lab, type LabNode, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { readAttachmentTasks } from '../../src/substrate/attachment-tasks.ts';
import { Substrate, type SubstrateOptions } from '../../src/substrate/substrate.ts';
import { readSwarmNodes } from '../../src/substrate/swarm-api.ts';
import type { SubstrateMember, SwarmNode } from '../../src/substrate/types.ts';
import { clusterOver, type LabCluster } from './lab-cluster.ts';

let lab: Lab;
let base: LabCluster;
let substrate: Substrate;
/** Of the founders; the lab's default unless a group of tests says so. */
let generation: Generation | undefined;

const OPTIONS: SubstrateOptions = {
  identity: { id: 'test-cluster', marks: new Set(['test-cluster']) },
  idleMs: 500,
  // Engines that come back together elect a leader among themselves within a minute.
  graces: {
    quorumMs: 2_000,
    electionMs: 60_000,
    managerMs: 3_000,
    promotionMs: 60_000,
    strayMs: 1_000,
  },
};
const FOUNDERS = ['one', 'two', 'three'];
/** Only against what never comes: a busy machine is late with everything. */
const PATIENTLY = { timeoutMs: 400_000, everyMs: 250 } as const;

function signal(): AbortSignal {
  return AbortSignal.timeout(PATIENTLY.timeoutMs);
}

function substrateOver(options: SubstrateOptions = OPTIONS): Substrate {
  const made = new Substrate({ members: base.cluster, clock: systemClock, logger: base.logger }, options);
  made.start();
  return made;
}

/** The swarm's nodes as its manager lists them. */
async function swarmNodes(): Promise<SwarmNode[]> {
  const manager = await substrate.manager(signal());
  return readSwarmNodes(manager.client, signal());
}

/** An engine that just returned is unheard for a moment: it takes part when the managers hear it again. */
function takesPart(name: string): Promise<true> {
  return waitFor(`${name} to take part`, () => substrate.status.active.has(base.node(name).id), PATIENTLY);
}

function settledManagers(count: number): Promise<true> {
  return waitFor(`${count} reachable substrate managers`, () => substrate.status.managers.length === count, PATIENTLY);
}

async function createNetwork(name: string, Config: readonly object[] = []): Promise<void> {
  const { client } = await substrate.manager(signal());
  const body = JSON.stringify({ Name: name, Driver: 'overlay', Attachable: true, IPAM: { Config } });
  await client.json({ method: 'POST', path: '/networks/create', body });
}

/** Arguments that start a sleeping container on the network "keep". */
function run(name: string, policy = 'no'): string[] {
  return ['run', '-d', '--restart', policy, '--name', name, '--network', 'keep', 'busybox', 'sleep', '3600'];
}

/** An engine that has just become a manager may not know the network for a moment; what did not start keeps its name. */
function sleeper(node: string, name: string, policy = 'no'): Promise<void> {
  return started(node, name, run(name, policy));
}

async function started(node: string, name: string, args: readonly string[]): Promise<void> {
  const start = async (): Promise<boolean> => {
    await lab.node(node).docker(['rm', '-f', name]);
    return (await lab.node(node).docker(args)).exitCode === 0;
  };
  await waitFor(`${name} to start`, start, PATIENTLY);
}

async function addressOf(node: string, container: string): Promise<string> {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  return (await lab.node(node).docker(['inspect', '-f', format, container])).stdout.trim();
}

async function idOf(node: string, container: string): Promise<string> {
  return (await lab.node(node).docker(['inspect', '-f', '{{.Id}}', container])).stdout.trim();
}

function pings(node: string, from: string, to: string): Promise<true> {
  const args = ['exec', from, 'ping', '-c', '1', '-W', '1', to];
  const probe = async (): Promise<boolean> => (await lab.node(node).docker(args)).exitCode === 0;
  return waitFor(`${from} to reach ${to}`, probe, PATIENTLY);
}

/** A new engine of that name in the lab; the cluster does not know it yet. */
async function newEngine(name: string, generation?: Generation): Promise<LabNode> {
  const engine = await lab.addNode({ name, ...(generation && { generation }) });
  await engine.load(['busybox']);
  return engine;
}

/** Lets an engine in and waits until it takes part. */
async function join(engine: LabNode): Promise<Node> {
  const node = await base.add(engine);
  await substrate.readyOn(node, signal());
  return node;
}

// Every test has engines of its own: those that leave a swarm and form another at once may keep the gossip of the first.
beforeEach(async () => {
  lab = await startLab({
    nodes: FOUNDERS.map((name, index) => ({ name, labels: { zone: `z${index}` }, ...(generation && { generation }) })),
  });
  await Promise.all(lab.nodes.map((node) => node.load(['busybox'])));
  base = await clusterOver(lab);
  substrate = substrateOver();
  for (const node of base.cluster.nodes) await substrate.readyOn(node, signal());
  await settledManagers(3);
}, 900_000);

afterEach(async () => {
  await substrate?.close();
  await base?.close();
  await lab?.close();
}, 900_000);

describe('a substrate of three engines', () => {
  test('is formed with three managers', async () => {
    expect(substrate.status.problems.size).toBe(0);
    expect((await swarmNodes()).map(({ hostname, role }) => `${hostname} ${role}`).sort()).toEqual([
      'one manager',
      'three manager',
      'two manager',
    ]);
  });

  test('its address pool lies beside the engines', async () => {
    const manager = await substrate.manager(signal());
    const swarm = await manager.client.json<{ DefaultAddrPool: string[] }>({ method: 'GET', path: '/swarm' });
    expect(swarm.DefaultAddrPool).not.toEqual(['10.0.0.0/8']);
  });

  test('is recognised by another manager of ours, which changes nothing', async () => {
    const before = await swarmNodes();
    const second = substrateOver();
    await second.manager(signal());
    expect(second.status.swarmId).toBe(substrate.status.swarmId);
    await second.close();
    expect((await swarmNodes()).map(({ nodeId }) => nodeId).sort()).toEqual(before.map(({ nodeId }) => nodeId).sort());
  });

  test('leaves another cluster’s substrate alone, whatever it is told', async () => {
    const before = await swarmNodes();
    const identity = { id: 'stranger', marks: new Set(['stranger']) };
    const stranger = substrateOver({ ...OPTIONS, identity, adoptSwarm: true });
    const { id } = base.node('one');
    await waitFor('the stranger to say so', () => stranger.problem(id), PATIENTLY);
    expect(stranger.problem(id)).toContain('--cluster test-cluster');
    await expect(stranger.manager(signal(), 3_000)).rejects.toThrow('--cluster test-cluster');
    await stranger.close();
    await expect.poll(swarmNodes).toEqual(before);
  });

  test('takes in an engine that appears, keeps it while it runs, and forgets it when it left', async () => {
    const engine = await newEngine('four');
    await join(engine);
    const four = async (): Promise<SwarmNode | undefined> =>
      (await swarmNodes()).find(({ hostname }) => hostname === 'four');
    expect((await four())?.role).toBe('worker');
    await base.remove('four');
    await waitFor('the notice', () => substrate.status.notices[0], PATIENTLY);
    expect(substrate.status.notices[0]).toContain('four (');
    await expect.poll(async () => (await four())?.state).toBe('ready');
    // On a busy machine it may say that it took too long, and has left all the same.
    const hasLeft = async (): Promise<boolean> => {
      await engine.docker(['swarm', 'leave']);
      return (await engine.docker(['info', '-f', '{{.Swarm.LocalNodeState}}'])).stdout.trim() === 'inactive';
    };
    await waitFor('it to leave', hasLeft, PATIENTLY);
    await waitFor('the swarm to forget it', async () => !(await four()), PATIENTLY);
    const again = await base.add(engine);
    await substrate.readyOn(again, signal());
    await expect.poll(() => substrate.problem(again.id)).toBeUndefined();
  });

  test('names an engine whose gossip does not run, until it was restarted', async () => {
    await substrate.close();
    substrate = substrateOver({ ...OPTIONS, graces: { ...OPTIONS.graces, deafMs: 10_000, bridgeMs: 600_000 } });
    const engine = await newEngine('four');
    // As the gossip of a swarm that it left, which engines of that age may keep.
    const freed = new AbortController();
    const script = 'require("node:net").createServer().listen(7946, () => console.log("held"))';
    const holding = engine
      .exec([process.execPath, '-e', script], { signal: freed.signal, timeoutMs: PATIENTLY.timeoutMs })
      .catch(() => undefined);
    const isHeld = async (): Promise<boolean> => (await engine.exec(['ss', '-ltn'])).stdout.includes(':7946');
    await waitFor('the port to be held', isHeld, PATIENTLY);
    const { id } = await base.add(engine);
    await waitFor('the problem', () => substrate.problem(id), PATIENTLY);
    expect(substrate.problem(id)).toContain('restart its Docker engine');
    expect(substrate.status.active.has(id)).toBe(false);
    freed.abort();
    await holding;
    await engine.stop();
    await engine.start();
    await takesPart('four');
    await expect.poll(() => substrate.problem(id)).toBeUndefined();
  });

  test('a manager with one engine fewer changes nothing, whoever leads', { timeout: 1_500_000 }, async () => {
    await createNetwork('keep');
    for (const name of FOUNDERS) await sleeper(name, `stay-${name}`);
    const [leader] = substrate.status.managers;
    const outside = FOUNDERS.find((name) => name !== leader?.name) ?? '';
    const seen = async (): Promise<string[]> =>
      (await swarmNodes()).map(({ nodeId, role, state }) => `${nodeId} ${role} ${state}`).sort();
    const before = await seen();
    await substrate.close();
    await base.remove(outside);
    substrate = substrateOver();
    await waitFor('the notice', () => substrate.status.notices[0], PATIENTLY);
    expect(substrate.status.notices[0]).toContain(`${outside} (`);
    await expect.poll(seen).toEqual(before);
    await pings(leader?.name ?? '', `stay-${leader?.name}`, `stay-${outside}`);
    await base.add(lab.node(outside));
    await settledManagers(3);
    await waitFor('no notice', () => substrate.status.notices.length === 0, PATIENTLY);
  });

  test('replaces a manager that stays away, and heals', { timeout: 1_500_000 }, async () => {
    await join(await newEngine('four'));
    await lab.node('one').crash();
    await waitFor('the model to see it', () => !base.node('one').isHealthy, PATIENTLY);
    await waitFor('another manager', () => substrate.status.managers.some(({ name }) => name === 'four'), PATIENTLY);
    await lab.node('one').start();
    await waitFor('the model to see it', () => base.node('one').isHealthy, PATIENTLY);
    await takesPart('one');
    await settledManagers(3);
  });

  test('makes a new quorum from one survivor, and mends what is attached there', { timeout: 1_500_000 }, async () => {
    await createNetwork('keep');
    await join(await newEngine('four'));
    const managers = substrate.status.managers.map(({ name }) => name);
    const lost = managers.slice(0, 2);
    const survivor = managers[2];
    const swarmId = substrate.status.swarmId;
    if (survivor === undefined) throw new Error('no third manager');
    const staying = base.cluster.nodes.map(({ name }) => name).filter((name) => !lost.includes(name));
    for (const name of staying) await sleeper(name, `kept-${name}`);
    await Promise.all(lost.map((name) => lab.node(name).crash()));
    await waitFor(
      'a manager again',
      () => substrate.status.managers.length > 0 && substrate.status.managers.every(({ name }) => !lost.includes(name)),
      PATIENTLY,
    );
    expect(substrate.status.swarmId).toBe(swarmId);
    expect(substrate.status.managers.map(({ name }) => name)).toContain(survivor);
    // The survivor's gossip begins anew: names pass again, also while those that all knew stay away.
    for (const name of staying) if (name !== survivor) await pings(survivor, `kept-${survivor}`, `kept-${name}`);
    await Promise.all(lost.map((name) => lab.node(name).start()));
    for (const name of lost) {
      await waitFor(`${name} to be healthy`, () => base.node(name).isHealthy, PATIENTLY);
      await takesPart(name);
    }
    await settledManagers(3);
    // Their agents report to the new leader with the next heartbeat.
    const areReady = async (): Promise<boolean> => (await swarmNodes()).every(({ state }) => state === 'ready');
    await waitFor('all nodes to be ready', areReady, PATIENTLY);
    // What ran on is attached again, and from then on nobody is given its addresses.
    const kept = await Promise.all(staying.map((name) => idOf(name, `kept-${name}`)));
    const areAttached = async (): Promise<boolean> => {
      const tasks = await readAttachmentTasks(base.node(survivor).client, signal()).catch(() => []);
      const attached = tasks.filter(({ Status }) => Status?.State === 'running');
      return kept.every((id) => attached.some(({ Spec }) => Spec?.NetworkAttachmentSpec?.ContainerID === id));
    };
    await waitFor('what ran on to be attached', areAttached, PATIENTLY);
    await sleeper(survivor, 'fresh');
    for (const name of staying) await pings(survivor, 'fresh', `kept-${name}`);
    const addresses = await Promise.all([
      ...staying.map((name) => addressOf(name, `kept-${name}`)),
      addressOf(survivor, 'fresh'),
    ]);
    expect(new Set(addresses).size).toBe(addresses.length);
  });

  test('starts what its engine gave up on after a power cut, and nothing else', { timeout: 1_500_000 }, async () => {
    await createNetwork('keep');
    const names = FOUNDERS;
    for (const name of names) {
      const policies = ['always', 'unless-stopped', 'on-failure', 'no'];
      for (const policy of policies) await sleeper(name, `${policy}-${name}`, policy);
      await sleeper(name, `stopped-${name}`, 'unless-stopped');
      await lab.node(name).docker(['stop', '--time', '0', `stopped-${name}`]);
    }
    await Promise.all(lab.nodes.map((node) => node.crash()));
    await waitFor('the model to see it', () => names.every((name) => !base.node(name).isHealthy), PATIENTLY);
    await Promise.all(names.map((name) => lab.node(name).start()));
    for (const name of names) await takesPart(name);
    const states = async (name: string): Promise<Record<string, string>> => {
      const { stdout } = await lab.node(name).docker(['ps', '--all', '--format', '{{.Names}} {{.State}}']);
      return Object.fromEntries(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.split(' ')),
      );
    };
    for (const name of names) {
      const isUp = async (): Promise<boolean> => {
        const found = await states(name);
        return ['always', 'unless-stopped', 'on-failure'].every((policy) => found[`${policy}-${name}`] === 'running');
      };
      await waitFor(`containers of ${name} to run`, isUp, PATIENTLY);
      expect(await states(name)).toMatchObject({ [`no-${name}`]: 'exited', [`stopped-${name}`]: 'exited' });
    }
  });

  test('lets go of a manager that is down', { timeout: 1_500_000 }, async () => {
    const [leader] = substrate.status.managers;
    if (leader === undefined) throw new Error('no manager');
    const lost = leader.name;
    await lab.node(lost).crash();
    await waitFor('the model to see it', () => !base.node(lost).isHealthy, PATIENTLY);
    expect(await substrate.release(base.node(lost) as SubstrateMember, signal())).toBe(true);
    await waitFor(
      'it to be gone',
      async () => !(await swarmNodes()).some(({ hostname }) => hostname === lost),
      PATIENTLY,
    );
    await lab.node(lost).start();
    await waitFor('the model to see it', () => base.node(lost).isHealthy, PATIENTLY);
    await takesPart(lost);
    await settledManagers(3);
  });

  test('does not take over an engine of somebody else unless told to', async () => {
    const engine = await newEngine('five');
    await engine.docker(['swarm', 'init', '--advertise-addr', engine.address]);
    const node = await base.add(engine);
    await waitFor('the problem', () => substrate.problem(node.id), PATIENTLY);
    expect(substrate.problem(node.id)).toContain('--adopt-swarm');
    await expect(substrate.readyOn(node, signal())).rejects.toThrow('engine five takes no part in cluster networks');
    const adopting = substrateOver({ ...OPTIONS, adoptSwarm: true });
    await adopting.readyOn(node, signal());
    await adopting.close();
    expect((await swarmNodes()).filter(({ hostname }) => hostname === 'five')).toHaveLength(1);
  });
});

describe('a substrate of newer engines and an old one', () => {
  beforeAll(() => {
    generation = '28.5';
  });

  test('what ran on engines that were let go of is attached again, and their addresses were free', {
    timeout: 1_500_000,
  }, async () => {
    await createNetwork('keep', [{ Subnet: '10.98.7.0/24', IPRange: '10.98.7.128/25' }]);
    await join(await newEngine('old', '20.10'));
    const [leader, second, third] = substrate.status.managers.map(({ name }) => name);
    if (!leader || !second || !third) throw new Error('no three managers');
    const lost = [third, 'old'];
    const fixed = (index: number, name: string): string[] => {
      const [command = '', ...args] = run(name);
      return [command, '--ip', `10.98.7.${20 + index}`, ...args];
    };
    await sleeper(leader, 'peer');
    for (const [index, name] of lost.entries()) {
      await sleeper(name, `stayed-${name}`);
      await started(name, `first-${index}`, fixed(index, `first-${index}`));
    }
    await Promise.all(lost.map((name) => lab.node(name).partition()));
    await waitFor('the model to see it', () => lost.every((name) => !base.node(name).isHealthy), PATIENTLY);
    for (const [index, name] of lost.entries()) {
      expect(await substrate.release(base.node(name) as SubstrateMember, signal())).toBe(true);
      const beganMs = Date.now();
      await started(second, `second-${index}`, fixed(index, `second-${index}`));
      const startedMs = Date.now() - beganMs;
      await pings(leader, 'peer', `second-${index}`);
      console.info(
        `the address of ${name}: started elsewhere in ${startedMs} ms, reached in ${Date.now() - beganMs} ms`,
      );
    }
    // The old engine returns first and manages in place of the other one, which cannot join through it.
    await lab.node('old').heal();
    await takesPart('old');
    await waitFor(
      'the old one to manage',
      () => substrate.status.managers.some(({ name }) => name === 'old'),
      PATIENTLY,
    );
    await lab.node(third).heal();
    const beganMs = Date.now();
    await takesPart(third);
    for (const name of lost) {
      await pings(leader, 'peer', `stayed-${name}`);
      await pings(name, `stayed-${name}`, 'peer');
    }
    console.info(`what stayed is reached by name ${Date.now() - beganMs} ms after the cable is back`);
    // The copies that stayed do not have the addresses that their successors were given.
    for (const [index, name] of lost.entries())
      expect(await addressOf(name, `first-${index}`)).not.toBe(await addressOf(second, `second-${index}`));
    await waitFor(
      'the newer ones to manage',
      () => {
        const names = substrate.status.managers.map(({ name }) => name);
        return names.length === 3 && !names.includes('old');
      },
      PATIENTLY,
    );
  });
});
