import { pick, type Scene, type Step } from './scene.ts';
import type { StoreTrouble } from './world.ts';

/** Longer than the primary may lead without a word from the store, in milliseconds. */
export const MORE_THAN_TTL_MS = 7_000;

/** What may become of several managers and their store; none of it is possible for one manager. */
export const MANAGER_STEPS: readonly Step[] = [
  { name: 'kill of a manager', weight: 2, isPossible: hasOthers, run: kill },
  { name: 'pause of the primary', weight: 2, isPossible: hasOthers, run: pause },
  { name: 'managers back', weight: 4, isPossible: hasLostManagers, run: mend },
  { name: 'trouble of the store', weight: 2, isPossible: hasSoundStore, run: troubleStore },
  { name: 'store back', weight: 3, isPossible: ({ world }) => world.storeTroubles.size > 0, run: mendStore },
];

function hasOthers({ world }: Scene): boolean {
  return world.managers.alive.length > 1;
}

function hasLostManagers({ world: { managers } }: Scene): boolean {
  return managers.alive.length < managers.members.length;
}

function hasSoundStore({ world }: Scene): boolean {
  return world.store !== undefined && world.storeTroubles.size === 0;
}

async function kill({ world: { managers }, random }: Scene): Promise<string> {
  const isPrimary = random.next() < 0.5;
  const victim = isPrimary ? await managers.primary() : managers.any();
  await managers.end(victim, 'SIGKILL');
  return `${victim.name}${isPrimary ? ', the primary' : ''}`;
}

async function pause({ world: { managers } }: Scene): Promise<string> {
  const victim = await managers.primary();
  managers.pause(victim);
  return victim.name;
}

async function mend({ world: { managers } }: Scene): Promise<string> {
  const lost = managers.members.filter((member) => !managers.alive.includes(member));
  for (const member of lost) await managers.mend(member);
  return lost.map(({ name }) => name).join(' and ');
}

async function troubleStore({ world, random }: Scene): Promise<string> {
  const server = pick(world.store?.members ?? [], random);
  const kind = pick<StoreTrouble>(['killed', 'paused'], random);
  await world.troubleStore(server, kind);
  return `port ${server.port} ${kind}`;
}

async function mendStore({ world, random }: Scene): Promise<string> {
  const server = pick([...world.storeTroubles.keys()], random);
  await world.mendStore([server]);
  return `port ${server.port}`;
}
