import { fieldsOf, quantityOf, stringsOf, textOf } from './json.ts';
import type { Reservation } from './reservation.ts';
import { NOTHING } from './reservation.ts';
import type { Dependency, PortClaim, PortRequest, Protocol } from './types.ts';

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
 * Host ports a configuration asks for. Published ports without a number (`-p 80`, `-P`) are the engine's choice and
 * claim nothing. On the host's network every exposed port is a host port.
 */
export function portRequestsOf(hostConfig: unknown, exposedPorts: unknown): PortRequest[] {
  const { NetworkMode, PortBindings } = fieldsOf(hostConfig);
  if (NetworkMode === 'host') return Object.keys(fieldsOf(exposedPorts)).flatMap(exposedOnHost);
  return Object.entries(fieldsOf(PortBindings)).flatMap(([containerPort, bindings]) =>
    (Array.isArray(bindings) ? bindings : []).flatMap((binding) => toPortRequests(containerPort, binding)),
  );
}

/** Containers whose node this one must share. `--link` and `--volumes-from` carry more after the first colon. */
export function dependenciesOf(hostConfig: unknown): Dependency[] {
  const { VolumesFrom, Links, NetworkMode, PidMode, IpcMode } = fieldsOf(hostConfig);
  return [
    ...stringsOf(VolumesFrom).map((text) => dependency('--volumes-from', text)),
    ...stringsOf(Links).map((text) => dependency('--link', text)),
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

function toPortRequests(containerPort: string, binding: unknown): PortRequest[] {
  const { HostIp, HostPort } = fieldsOf(binding);
  const protocol = protocolOf(containerPort);
  const range = parsePortRange(textOf(HostPort));
  return protocol === undefined || range === undefined ? [] : [{ protocol, ip: textOf(HostIp), ...range }];
}

/** A range of exposed ports needs all of them, a range of host ports one of them. */
function exposedOnHost(exposed: string): PortRequest[] {
  const protocol = protocolOf(exposed);
  const range = parsePortRange(exposed.split('/')[0] ?? '');
  if (protocol === undefined || range === undefined) return [];
  const count = range.last - range.first + 1;
  return Array.from({ length: count }, (_, index) => {
    return { protocol, ip: '', first: range.first + index, last: range.first + index };
  });
}

/** `80` or `8000-8010`, compared as numbers; undefined for none, 0 and what is no port. */
function parsePortRange(text: string): { readonly first: number; readonly last: number } | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text.trim());
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first >= 1 && first <= last && last <= 65_535 ? { first, last } : undefined;
}

function protocolOf(containerPort: string): Protocol | undefined {
  const name = (containerPort.split('/')[1] ?? 'tcp').toLowerCase();
  return name === 'tcp' || name === 'udp' || name === 'sctp' ? name : undefined;
}

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
