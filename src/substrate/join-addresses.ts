import type { SwarmNode } from './types.ts';

/**
 * `host:port` of the managers that an engine may join through, the one to try now first: an engine keeps to the first of them until it has
 * joined or given up. Those of the newest engines come first. Docker 28 does not join through managers of 26 or 20.10 ("missing selected
 * ALPN property": grpc-go enforces ALPN from 1.67 on, and older managers do not negotiate it), while each older engine joins through newer
 * ones. Engines begin at different ones, and after each failure another one is the first.
 */
export function joinAddresses(nodes: readonly SwarmNode[], memberId: string, failures: number): readonly string[] {
  const managers = nodes.filter(({ reachability, managerAddress }) => reachability === 'reachable' && managerAddress);
  const newest = Math.max(...managers.map(releaseOf));
  const first = managers.filter((node) => releaseOf(node) === newest);
  const older = managers.filter((node) => releaseOf(node) < newest).sort((a, b) => releaseOf(b) - releaseOf(a));
  return rotated([...rotated(first, sumOf(memberId)), ...older], failures).flatMap(
    ({ managerAddress }) => managerAddress ?? [],
  );
}

function releaseOf({ release }: SwarmNode): number {
  return release ?? 0;
}

function sumOf(text: string): number {
  return [...text].reduce((total, character) => total + character.charCodeAt(0), 0);
}

function rotated<T>(all: readonly T[], by: number): readonly T[] {
  const start = all.length === 0 ? 0 : by % all.length;
  return [...all.slice(start), ...all.slice(0, start)];
}
