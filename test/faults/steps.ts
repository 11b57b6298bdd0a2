import type { LabNode } from '../../src/lab/lab.ts';
import { activate, drain, isActive, label } from './node-steps.ts';
import type { Expected, State } from './oracle.ts';
import { FAULTS_LABEL, pick, type Scene } from './scene.ts';
import { CLUSTER_NETWORK, type Trouble } from './world.ts';

/** Something that clients, nodes or the manager may do. */
interface Step {
  readonly name: string;
  readonly weight: number;
  readonly isPossible?: (scene: Scene) => boolean;
  /** Resolves with what was done, in words. */
  readonly run: (scene: Scene) => Promise<string>;
}

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
];

/** Makes one of the possible steps. Resolves with what was done, in words. */
export async function step(scene: Scene): Promise<string> {
  const possible = STEPS.filter(({ isPossible }) => isPossible?.(scene) ?? true);
  const chosen = scene.random.weighted(possible);
  if (!chosen) throw new Error('no step is possible');
  return `${chosen.name}: ${await chosen.run(scene)}`;
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
  await world.endManager(signal);
  await world.startManager();
  return signal;
}

/** Several clients, and a manager that dies somewhere in the middle of what they asked for. */
async function killAmongCalls(scene: Scene): Promise<string> {
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
  await new Promise((resolve) => setTimeout(resolve, random.integer(120)));
  await world.endManager('SIGKILL');
  const done = await Promise.all(calls);
  await world.startManager();
  return done.join(', ');
}

/** A node is drained or lost, and the manager dies while its containers are on their way. */
async function killAmongMoves(scene: Scene): Promise<string> {
  const { world, oracle, random } = scene;
  const isLoss = world.troubles.size === 0 && random.next() < 0.5;
  const done = isLoss || !oracle.nodes.every(isActive) ? await troubleOrMend(scene) : await drain(scene);
  await world.said(/"moves":[1-9]|"msg":"container moved"/, MOST_DETECTION_MS);
  await new Promise((resolve) => setTimeout(resolve, random.integer(1_500)));
  await world.endManager('SIGKILL');
  await world.startManager();
  return done;
}

function troubleOrMend(scene: Scene): Promise<string> {
  return scene.world.troubles.size === 0 ? trouble(scene) : mend(scene);
}
