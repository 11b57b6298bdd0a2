import type { LabNode } from '../../src/lab/lab.ts';
import type { Oracle, State } from './oracle.ts';
import type { SeededRandom } from './random.ts';
import type { Trouble, World } from './world.ts';

export interface Scene {
  readonly world: World;
  readonly oracle: Oracle;
  readonly random: SeededRandom;
}

/** Something that clients, nodes or the manager may do. */
interface Step {
  readonly name: string;
  readonly weight: number;
  readonly isPossible?: (scene: Scene) => boolean;
  /** Resolves with what was done, in words. */
  readonly run: (scene: Scene) => Promise<string>;
}

/** Containers at most, so that a run of hours does not fill the machine. */
const MAX_CONTAINERS = 12;
/** The label of all that is made here. */
export const FAULTS_LABEL = 'test.faults';

const STEPS: readonly Step[] = [
  { name: 'create', weight: 6, isPossible: hasRoom, run: (scene) => create(scene) },
  { name: 'start', weight: 6, isPossible: hasContainers, run: (scene) => operate(scene, 'start', 'running') },
  { name: 'stop', weight: 2, isPossible: hasContainers, run: (scene) => operate(scene, 'stop?t=0', 'stopped') },
  { name: 'rename', weight: 1, isPossible: hasContainers, run: rename },
  { name: 'remove', weight: 2, isPossible: hasContainers, run: (scene) => remove(scene) },
  { name: 'trouble', weight: 3, isPossible: ({ world }) => world.troubles.size === 0, run: trouble },
  { name: 'mend', weight: 3, isPossible: ({ world }) => world.troubles.size > 0, run: mend },
  { name: 'restart of the manager', weight: 1, run: restart },
  { name: 'kill of the manager among calls', weight: 2, isPossible: hasRoom, run: killAmongCalls },
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
  const name = oracle.newName();
  const expected = oracle.begin(name, isMovable);
  const outcome = await world.call<{ readonly Id: string }>('POST', `/containers/create?name=${name}`, {
    Image: 'busybox',
    Cmd: ['sleep', '1000000'],
    Labels: { [FAULTS_LABEL]: '1' },
    StopTimeout: 1,
    HostConfig: { NetworkMode: 'none', RestartPolicy: { Name: isMovable ? 'always' : 'no' } },
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
  const outcome = await world.call('DELETE', `/containers/${expected.id}?force=1`);
  oracle.changed(expected, 'absent', outcome);
  return `${[...expected.names]} ${outcome.status ?? outcome.said}`;
}

async function rename({ world, oracle, random }: Scene): Promise<string> {
  const expected = pick(oracle.known, random);
  const name = oracle.newName();
  const outcome = await world.call('POST', `/containers/${expected.id}/rename?name=${name}`);
  oracle.renamed(expected, name, outcome);
  return `${expected.made} to ${name} ${outcome.status ?? outcome.said}`;
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

function pick<T>(values: readonly T[], random: SeededRandom): T {
  const picked = random.pick(values);
  if (picked === undefined) throw new Error('nothing to pick from');
  return picked;
}
