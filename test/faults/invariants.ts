import type { LabNode } from '../../src/lab/lab.ts';
import { callJson } from './json-call.ts';
import { type Expected, ROUND_LABEL, type State } from './oracle.ts';
import { FAULTS_LABEL, type Scene } from './scene.ts';
import { CLUSTER_NETWORK } from './world.ts';

/** A container as an API lists it. */
interface Listed {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly State: string;
  readonly Status: string;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, unknown>> };
}

const LIST = `/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify({ label: [FAULTS_LABEL] }))}`;

/** What is wrong at the moment, in words; empty when every invariant holds. Takes what is seen for granted once all do. */
export async function violations(scene: Scene): Promise<readonly string[]> {
  const { world, oracle } = scene;
  const listed = await world.read<readonly Listed[]>(LIST);
  if (!listed.value || listed.status !== 200) return [`the manager does not list containers: ${listed.said}`];
  const found = match(oracle.containers, listed.value);
  const wrong = [
    ...doubles(listed.value),
    ...found.strays.map((each) => `${nameOf(each)} is listed, and nobody asked for it`),
    ...oracle.containers.flatMap((each) => wrongWith(each, found.of.get(each)) ?? []),
    ...(await wrongOnEngines(scene, listed.value)),
    ...(await wrongNodes(scene)),
    ...(await wrongAmongManagers(scene)),
    ...(await wrongHealth(scene)),
  ];
  if (wrong.length > 0) return wrong;
  for (const expected of oracle.containers) {
    const seen = found.of.get(expected);
    if (seen && isOutOfSight(seen)) continue;
    const [name = ''] = expected.names;
    oracle.settle(expected, { id: seen?.Id, name: seen ? nameOf(seen) : name, state: stateOf(seen) });
  }
  oracle.sweep();
  return [];
}

function match(
  expected: readonly Expected[],
  listed: readonly Listed[],
): { readonly of: ReadonlyMap<Expected, Listed>; readonly strays: readonly Listed[] } {
  const of = new Map<Expected, Listed>();
  const strays = listed.filter((each) => {
    const owner = expected.find(({ id, names }) => (id === undefined ? names.has(nameOf(each)) : id === each.Id));
    if (owner) of.set(owner, each);
    return owner === undefined;
  });
  return { of, strays };
}

/** One name, one container; one ID, one container. */
function doubles(listed: readonly Listed[]): readonly string[] {
  const seen = new Set<string>();
  return listed.flatMap((each) =>
    [each.Id, nameOf(each)].flatMap((key) => {
      if (!seen.has(key)) return seen.add(key) && [];
      return [`${key} is listed twice`];
    }),
  );
}

/** A client's answer is never taken back. */
function wrongWith(expected: Expected, seen: Listed | undefined): string | undefined {
  const { made, states, names, isConnected } = expected;
  const isRemoved = states.size === 1 && states.has('absent');
  if (seen && isOutOfSight(seen)) return isRemoved ? `${made} is listed, and was removed` : undefined;
  const state = stateOf(seen);
  if (!states.has(state)) return `${made} is ${seen?.Status ?? state}, not ${[...states].join(' or ')}`;
  if (seen && !names.has(nameOf(seen))) return `${made} is called ${nameOf(seen)}, not ${[...names].join(' or ')}`;
  const isOn = Object.hasOwn(seen?.NetworkSettings?.Networks ?? {}, CLUSTER_NETWORK);
  if (seen && isConnected?.has(isOn) === false) return `${made} is ${isOn ? '' : 'not '}on the network`;
  return undefined;
}

/** What engines have that a manager can reach: one copy of each container, and none of what is gone. */
async function wrongOnEngines({ world, oracle }: Scene, listed: readonly Listed[]): Promise<readonly string[]> {
  const copies = new Map<string, string[]>();
  for (const node of world.reachable)
    for (const copy of await copiesOn(node))
      copies.set(nameOf(copy), [...(copies.get(nameOf(copy)) ?? []), `${node.name} (${copy.Status})`]);
  const names = new Set(listed.map(nameOf));
  const wrong = [...copies].flatMap(([name, where]) => {
    if (where.length > 1) return [`${name} is on several engines: ${where.join(', ')}`];
    return names.has(name) ? [] : [`${name} is on ${where.join()}, and not in the cluster`];
  });
  const lost = oracle.containers.filter(({ isMovable, states, names: own }) => {
    const isToRun = isMovable && states.size === 1 && states.has('running');
    return isToRun && world.reachable.length * 2 > world.lab.nodes.length && ![...own].some((name) => copies.has(name));
  });
  return [...wrong, ...lost.map(({ made }) => `${made} should run, and no engine that is reached has it`)];
}

/** Once all is quiet every manager shows the same. One that is cut off from the store shows what it had. */
async function wrongAmongManagers({ world }: Scene): Promise<readonly string[]> {
  const { connected } = world.managers;
  const seen = await Promise.all(
    connected.map(async (member) => {
      const { value, said } = await world.read<readonly Listed[]>(LIST, member);
      if (!Array.isArray(value)) return said;
      return value
        .map((each) => `${each.Id.slice(0, 12)} ${nameOf(each)} ${stateOf(each)}`)
        .sort()
        .join(', ');
    }),
  );
  if (new Set(seen).size <= 1) return [];
  return connected.map(({ name }, i) => `${name} shows ${seen[i]}, and others do not`);
}

/** What operators were told holds is so, whatever the node does. */
async function wrongNodes({ world, oracle }: Scene): Promise<readonly string[]> {
  const { value, said } = await world.nodes();
  if (!value) return [`the manager does not list nodes: ${said}`];
  return oracle.nodes.flatMap((expected) => {
    const { Spec } = value.find(({ Description }) => Description.Hostname === expected.name) ?? {};
    if (!Spec) return `node ${expected.name} is not listed`;
    const round = Spec.Labels[ROUND_LABEL] ?? '';
    const isRight = expected.availability.has(Spec.Availability) && expected.round.has(round);
    return isRight ? [] : `node ${expected.name} is ${Spec.Availability} in round ${round}`;
  });
}

/** Every manager knows which nodes are lost: until then it shows what was so before. */
async function wrongHealth({ world }: Scene): Promise<readonly string[]> {
  const ofEach = world.managers.connected.map(async (member) => {
    const { value, said } = await world.nodes(member);
    if (!value) return [`${member.name} does not list nodes: ${said}`];
    return world.lab.nodes.flatMap((node) => {
      const isReady = value.some(
        ({ Description, Status }) => Description.Hostname === node.name && Status.State === 'ready',
      );
      if (isReady !== world.troubles.has(node)) return [];
      return `node ${node.name} is ${isReady ? '' : 'not '}ready for ${member.name}, and ${world.troubles.get(node) ?? 'well'}`;
    });
  });
  return (await Promise.all(ofEach)).flat();
}

async function copiesOn({ name, socketPath }: LabNode): Promise<readonly Listed[]> {
  const { value, said } = await callJson<readonly Listed[]>({ socketPath }, 'GET', LIST);
  if (!Array.isArray(value)) throw new Error(`engine ${name}: ${said}`);
  return value as readonly Listed[];
}

function nameOf({ Names }: Listed): string {
  return (Names[0] ?? '').replace(/^\//, '');
}

/** Its node is not reached: nobody knows what it does. */
function isOutOfSight({ Status }: Listed): boolean {
  return Status.startsWith('Host Down');
}

function stateOf(listed: Listed | undefined): State {
  if (!listed) return 'absent';
  if (listed.State === 'created') return 'created';
  return listed.State === 'running' || listed.State === 'restarting' ? 'running' : 'stopped';
}
