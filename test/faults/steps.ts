import type { LabNode } from '../../src/lab/lab.ts';
import { HOW_CUT_OFF, hasOthersConnected, MANAGER_STEPS, MORE_THAN_TTL_MS } from './manager-steps.ts';
import type { Member } from './managers.ts';
import { activate, drain, isActive, label } from './node-steps.ts';
import type { Expected, State } from './oracle.ts';
import { FAULTS_LABEL, pick, type Scene, type Step } from './scene.ts';
import { CLUSTER_NETWORK, type Trouble } from './world.ts';

/** A node is lost within this, with the times that the manager is given here, in milliseconds. */
const MOST_DETECTION_MS = 10_000;
/** Containers at most, so that a run of hours does not fill the machine. */
const MAX_CONTAINERS = 12;

const STEPS: readonly Step[] = [
  { name: 'create', weight: 6, isPossible: hasRoom, run: (scene) => create(scene) },
  { name: 'start', weight: 6, isPossible: hasContainers, run: (scene) => operate(scene, 'start', 'running') },
  { name: 'stop', weight: 2, isPossible: hasContainers, run: (scene) => operate(scene, 'stop?t=0', 'stopped') },
  { name: 'kill', weight: 1, isPossible: hasContainers, run: (scene) => operate(scene, 'kill', 'stopped') },
  { name: 'connect', weight: 1, isPossible: hasConnectable, run: connect },
  { name: 'rename', weight: 1, isPossible: hasContainers, run: rename },
  { name: 'remove', weight: 2, isPossible: hasContainers, run: (scene) => remove(scene) },
  { name: 'drain', weight: 1, isPossible: ({ oracle }) => oracle.nodes.every(isActive), run: drain },
  { name: 'active', weight: 2, isPossible: ({ oracle }) => !oracle.nodes.every(isActive), run: activate },
  { name: 'label', weight: 1, run: label },
  { name: 'trouble', weight: 3, isPossible: ({ world }) => world.troubles.size === 0, run: trouble },
  { name: 'mend', weight: 3, isPossible: ({ world }) => world.troubles.size > 0, run: mend },
  { name: 'restart of the manager', weight: 1, run: restart },
  { name: 'kill of the manager among calls', weight: 2, isPossible: hasRoom, run: killAmongCalls },
  { name: 'kill of the manager among moves', weight: 2, isPossible: hasContainers, run: killAmongMoves },
  ...MANAGER_STEPS,
  { name: 'pause of the primary among calls', weight: 3, isPossible: hasRoomAndOthers, run: pauseAmongCalls },
  { name: 'primary cut off among calls', weight: 3, isPossible: hasRoomAndOthers, run: cutOffAmongCalls },
  { name: 'pause of the store among calls', weight: 2, isPossible: hasRoomAndOthers, run: pauseStoreAmongCalls },
  { name: 'primary lost among moves', weight: 3, isPossible: hasContainersAndOthers, run: losePrimaryAmongMoves },
];

/** Chooses one of the possible steps. */
export function chooseStep(scene: Scene): Step {
  const possible = STEPS.filter(({ isPossible }) => isPossible?.(scene) ?? true);
  const chosen = scene.random.weighted(possible);
  if (!chosen) throw new Error('no step is possible');
  return chosen;
}

function hasRoom({ oracle }: Scene): boolean {
  return oracle.containers.length < MAX_CONTAINERS;
}

function hasContainers({ oracle }: Scene): boolean {
  return oracle.known.length > 0;
}

async function create({ world, oracle, random }: Scene): Promise<string> {
  const isMovable = random.next() < 0.75;
  const isConnectable = random.next() < 0.3;
  const name = oracle.newName();
  const expected = oracle.begin(name, { isMovable, isConnectable });
  const outcome = await world.call<{ readonly Id: string }>('POST', `/containers/create?name=${name}`, {
    Image: 'busybox',
    Cmd: ['sleep', '1000000'],
    Labels: { [FAULTS_LABEL]: '1' },
    StopTimeout: 1,
    HostConfig: {
      NetworkMode: isConnectable ? 'bridge' : 'none',
      // Not `always`: what was stopped with that policy, an engine starts again when it is started itself.
      RestartPolicy: { Name: isMovable ? 'unless-stopped' : 'no' },
    },
  });
  oracle.created(expected, outcome);
  return `${name} ${isMovable ? 'movable' : 'bound'} ${outcome.status ?? outcome.said}`;
}

async function operate({ world, oracle, random }: Scene, operation: string, after: State): Promise<string> {
  const expected = pick(oracle.known, random);
  const outcome = await world.call('POST', `/containers/${expected.id}/${operation}`);
  oracle.changed(expected, after, outcome);
  return `${[...expected.names]} ${outcome.status ?? outcome.said}`;
}

async function remove({ world, oracle, random }: Scene): Promise<string> {
  const expected = pick(oracle.known, random);
  const search = random.next() < 0.7 ? '?force=1' : '';
  const outcome = await world.call('DELETE', `/containers/${expected.id}${search}`);
  oracle.changed(expected, 'absent', outcome);
  return `${[...expected.names]}${search} ${outcome.status ?? outcome.said}`;
}

async function rename({ world, oracle, random }: Scene): Promise<string> {
  const expected = pick(oracle.known, random);
  const name = oracle.newName();
  const outcome = await world.call('POST', `/containers/${expected.id}/rename?name=${name}`);
  oracle.renamed(expected, name, outcome);
  return `${expected.made} to ${name} ${outcome.status ?? outcome.said}`;
}

/** Connects a container to the cluster’s network, or disconnects it. */
async function connect({ world, oracle, random }: Scene): Promise<string> {
  const expected = pick(oracle.known.filter(isConnectable), random);
  const after = random.next() < 0.5;
  const path = `/networks/${CLUSTER_NETWORK}/${after ? 'connect' : 'disconnect'}`;
  const outcome = await world.call('POST', path, { Container: expected.id });
  oracle.connected(expected, after, outcome);
  return `${[...expected.names]} ${after ? 'to' : 'from'} the network ${outcome.status ?? outcome.said}`;
}

function isConnectable({ isConnected }: Expected): boolean {
  return isConnected !== undefined;
}

function hasConnectable({ oracle }: Scene): boolean {
  return oracle.known.some(isConnectable);
}

async function trouble({ world, oracle, random }: Scene): Promise<string> {
  const kinds: readonly Trouble[] = ['crashed', 'crashed', 'engine-killed', 'hung', 'partitioned', 'stopped'];
  const kind = pick(kinds, random);
  const node: LabNode = pick(world.reachable, random);
  await world.trouble(node, kind);
  oracle.shaken();
  return `${node.name} ${kind}`;
}

async function mend({ world, random }: Scene): Promise<string> {
  const node = pick([...world.troubles.keys()], random);
  await world.mend(node);
  return node.name;
}

async function restart({ world, random }: Scene): Promise<string> {
  const signal = random.next() < 0.7 ? 'SIGKILL' : 'SIGTERM';
  const victim = await world.managers.primary();
  await world.managers.end(victim, signal);
  await world.managers.start(victim);
  return `${victim.name} ${signal}`;
}

/** Several clients, and a manager that dies somewhere in the middle of what they asked for. */
async function killAmongCalls(scene: Scene): Promise<string> {
  const { managers } = scene.world;
  const victim = await managers.primary();
  return await amongCalls(scene, async (calls) => {
    await managers.end(victim, 'SIGKILL');
    await calls;
    await managers.start(victim);
  });
}

/** The same with a manager that is suspended for longer than it may lead, and goes on with what it had begun. */
async function pauseAmongCalls(scene: Scene): Promise<string> {
  const victim = await scene.world.managers.primary();
  return await amongCalls(scene, () => suspend(scene, victim));
}

/** The same with a manager that loses the store, for shorter or longer than it may lead. */
async function cutOffAmongCalls(scene: Scene): Promise<string> {
  const { managers } = scene.world;
  const victim = await managers.primary();
  const state = pick(HOW_CUT_OFF, scene.random);
  const cutMs = 500 + scene.random.integer(10_000);
  const done = await amongCalls(scene, async () => {
    managers.link(victim, state);
    await sleep(cutMs);
    managers.link(victim, 'whole');
  });
  return `${state} ${done}`;
}

async function suspend({ world: { managers }, random }: Scene, victim: Member): Promise<void> {
  const pauseMs = MORE_THAN_TTL_MS + random.integer(3_000);
  managers.pause(victim);
  await sleep(pauseMs);
  await managers.mend(victim);
}

/** The same with a store that does not answer meanwhile, for shorter or longer than the primary may lead. */
async function pauseStoreAmongCalls(scene: Scene): Promise<string> {
  const { world, random } = scene;
  const servers = world.store?.members.filter((member) => !world.storeTroubles.has(member)) ?? [];
  const pauseMs = 500 + random.integer(12_000);
  return await amongCalls(scene, async () => {
    for (const member of servers) await world.troubleStore(member, 'paused');
    await sleep(pauseMs);
    await world.mendStore(servers);
  });
}

/** Several clients, and a fault somewhere in the middle of what they asked for. */
async function amongCalls(scene: Scene, fault: (calls: Promise<unknown>) => Promise<void>): Promise<string> {
  const { world, oracle, random } = scene;
  const calls = Array.from({ length: 4 }, () => create(scene));
  const known = oracle.known.slice(0, 2);
  for (const [i, expected] of known.entries()) {
    const call =
      i === 0
        ? world.call('POST', `/containers/${expected.id}/start`)
        : world.call('DELETE', `/containers/${expected.id}?force=1`);
    calls.push(
      call.then((outcome) => {
        oracle.changed(expected, i === 0 ? 'running' : 'absent', outcome);
        return `${expected.made} ${outcome.status ?? outcome.said}`;
      }),
    );
  }
  await sleep(random.integer(120));
  await fault(Promise.all(calls));
  return (await Promise.all(calls)).join(', ');
}

function hasRoomAndOthers(scene: Scene): boolean {
  return hasRoom(scene) && hasOthersConnected(scene);
}

function hasContainersAndOthers(scene: Scene): boolean {
  return hasContainers(scene) && hasOthersConnected(scene);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A node is drained or lost, and the manager dies while its containers are on their way. */
async function killAmongMoves(scene: Scene): Promise<string> {
  const { managers } = scene.world;
  return await amongMoves(scene, async (victim) => {
    await managers.end(victim, 'SIGKILL');
    await managers.start(victim);
  });
}

/** The same with a manager that is suspended for longer than it may lead, or loses the store for so long, and goes on. */
async function losePrimaryAmongMoves(scene: Scene): Promise<string> {
  const { world, random } = scene;
  const how = pick(['suspended', ...HOW_CUT_OFF] as const, random);
  const done = await amongMoves(scene, async (victim) => {
    if (how === 'suspended') return await suspend(scene, victim);
    world.managers.link(victim, how);
    await sleep(MORE_THAN_TTL_MS + random.integer(3_000));
    world.managers.link(victim, 'whole');
  });
  return `${how} ${done}`;
}

async function amongMoves(scene: Scene, fault: (victim: Member) => Promise<void>): Promise<string> {
  const { world, oracle, random } = scene;
  const victim = await world.managers.primary();
  const isLoss = world.troubles.size === 0 && random.next() < 0.5;
  const done = isLoss || !oracle.nodes.every(isActive) ? await troubleOrMend(scene) : await drain(scene);
  await world.said(/"moves":[1-9]|"msg":"container moved"/, MOST_DETECTION_MS);
  await sleep(random.integer(1_500));
  await fault(victim);
  return done;
}

function troubleOrMend(scene: Scene): Promise<string> {
  return scene.world.troubles.size === 0 ? trouble(scene) : mend(scene);
}
