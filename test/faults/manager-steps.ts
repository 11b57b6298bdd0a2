import type { LinkState } from '../stores/link.ts';
import { pick, type Scene, type Step } from './scene.ts';
import type { StoreTrouble } from './world.ts';

/** Longer than the primary may lead without a word from the store, in milliseconds. */
export const MORE_THAN_TTL_MS = 7_000;

/** How a manager loses the store: its connections end, or nothing arrives, and all of it later. */
export const HOW_CUT_OFF: readonly LinkState[] = ['cut', 'silent'];

/** What may become of several managers and their store; none of it is possible for one manager. */
export const MANAGER_STEPS: readonly Step[] = [
  { name: 'kill of a manager', weight: 2, isPossible: hasOthersConnected, run: kill },
  { name: 'pause of the primary', weight: 2, isPossible: hasOthersConnected, run: pause },
  { name: 'managers back', weight: 4, isPossible: hasLostManagers, run: mend },
  { name: 'manager cut off from the store', weight: 2, isPossible: hasOthersConnected, run: cutOff },
  { name: 'line to the store back', weight: 3, isPossible: hasCutOff, run: heal },
  { name: 'trouble of the store', weight: 2, isPossible: hasSoundStore, run: troubleStore },
  { name: 'store back', weight: 3, isPossible: ({ world }) => world.storeTroubles.size > 0, run: mendStore },
];

/** One that reaches the store is left when another one is lost. */
export function hasOthersConnected({ world: { managers } }: Scene): boolean {
  return managers.connected.length > 1;
}

function hasCutOff({ world: { managers } }: Scene): boolean {
  return managers.members.some(({ isCutOff }) => isCutOff);
}

function hasLostManagers({ world: { managers } }: Scene): boolean {
  return managers.alive.length < managers.members.length;
}

function hasSoundStore({ world }: Scene): boolean {
  return world.store !== undefined && world.storeTroubles.size === 0;
}

async function kill({ world: { managers }, random }: Scene): Promise<string> {
  const isPrimary = random.next() < 0.5;
  const victim = isPrimary ? await managers.primary() : managers.anyConnected();
  await managers.end(victim, 'SIGKILL');
  return `${victim.name}${isPrimary ? ', the primary' : ''}`;
}

async function pause({ world: { managers } }: Scene): Promise<string> {
  const victim = await managers.primary();
  managers.pause(victim);
  return victim.name;
}

async function cutOff({ world: { managers }, random }: Scene): Promise<string> {
  const isPrimary = random.next() < 0.6;
  const state = pick(HOW_CUT_OFF, random);
  const victim = isPrimary ? await managers.primary() : managers.anyConnected();
  managers.link(victim, state);
  return `${victim.name}${isPrimary ? ', the primary' : ''}: ${state}`;
}

async function heal({ world: { managers } }: Scene): Promise<string> {
  const cut = managers.members.filter(({ isCutOff }) => isCutOff);
  for (const member of cut) managers.link(member, 'whole');
  return cut.map(({ name }) => name).join(' and ');
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
