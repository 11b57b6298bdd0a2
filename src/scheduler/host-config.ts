import { fieldsOf, quantityOf, stringsOf, textOf } from './json.ts';
import { portRequestsOf } from './port-requests.ts';
import type { Reservation } from './reservation.ts';
import { NOTHING } from './reservation.ts';
import type { Dependency, PortClaim } from './types.ts';

/** CPU shares are relative weights; Docker's default container has 1024, which counts as one CPU. */
const SHARES_PER_CPU = 1024;
const NANO = 1e9;

/** Memory to reserve: the limit (`--memory`), else the soft reservation (`--memory-reservation`). */
export function memoryOf(hostConfig: unknown): number {
  const { Memory, MemoryReservation } = fieldsOf(hostConfig);
  return quantityOf(Memory) || quantityOf(MemoryReservation);
}

/** CPUs to reserve: `--cpus`, else `--cpu-shares` at 1024 shares a CPU. */
export function nanoCpusOf(hostConfig: unknown): number {
  const { NanoCpus, CpuShares } = fieldsOf(hostConfig);
  return quantityOf(NanoCpus) || quantityOf((quantityOf(CpuShares) * NANO) / SHARES_PER_CPU);
}

/**
 * `-c 2` meant two whole CPUs in a swarm. A create request's CPU shares that do not exceed the largest node's CPUs
 * are read like that; returns the shares an engine should get for it (2 → 2048), undefined when there is nothing to change.
 */
export function wholeCpuShares(hostConfig: unknown, largestNodeCpus: number): number | undefined {
  const { NanoCpus, CpuShares } = fieldsOf(hostConfig);
  const shares = quantityOf(CpuShares);
  if (quantityOf(NanoCpus) > 0 || shares === 0 || shares > largestNodeCpus) return undefined;
  return shares * SHARES_PER_CPU;
}

/**
 * Containers whose node this one must share. `--link` and `--volumes-from` carry more after the first colon. Links tie on the
 * default bridge only: in a network of the user's own they are names.
 */
export function dependenciesOf(hostConfig: unknown): Dependency[] {
  const { VolumesFrom, Links, NetworkMode, PidMode, IpcMode } = fieldsOf(hostConfig);
  const links = isUserDefined(textOf(NetworkMode)) ? [] : stringsOf(Links);
  return [
    ...stringsOf(VolumesFrom).map((text) => dependency('--volumes-from', text)),
    ...links.map((text) => dependency('--link', text)),
    ...sharedNamespace('--network', NetworkMode),
    ...sharedNamespace('--pid', PidMode),
    ...sharedNamespace('--ipc', IpcMode),
  ];
}

/**
 * What an existing container holds on its node, running or not: its fixed host ports, and `bound`, those the engine
 * reports (the numbers it chose itself).
 */
export function reservationOf(hostConfig: unknown, exposedPorts: unknown, bound: readonly PortClaim[]): Reservation {
  const memoryBytes = memoryOf(hostConfig);
  const nanoCpus = nanoCpusOf(hostConfig);
  const fixed = portRequestsOf(hostConfig, exposedPorts)
    .filter(({ first, last }) => first === last)
    .map(({ protocol, ip, first }) => ({ protocol, ip, port: first }));
  const ports = [...fixed, ...bound];
  return memoryBytes === 0 && nanoCpus === 0 && ports.length === 0 ? NOTHING : { memoryBytes, nanoCpus, ports };
}

/** Whether a network mode names a network that users created (moby `container.NetworkMode.IsUserDefined`). */
export function isUserDefined(networkMode: string): boolean {
  return !PREDEFINED_MODES.has(networkMode) && !networkMode.startsWith('container:');
}

const PREDEFINED_MODES: ReadonlySet<string> = new Set(['', 'default', 'bridge', 'host', 'none', 'nat']);

function dependency(option: string, text: string): Dependency {
  const container = (text.split(':')[0] ?? '').replace(/^\//, '');
  return { option, container };
}

function sharedNamespace(option: string, mode: unknown): Dependency[] {
  const prefix = 'container:';
  const text = textOf(mode);
  if (!text.startsWith(prefix)) return [];
  return [{ option: `${option} container`, container: text.slice(prefix.length).replace(/^\//, '') }];
}
