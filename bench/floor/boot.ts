import { LoadClient } from '../load/client.ts';
import { plainRequest } from '../load/requests.ts';
import { targetOf } from '../load/target.ts';
import { serveParent } from '../process/child.ts';
import type { TlsMaterial } from '../tls/material.ts';

/** Reads every node once, the least any manager must do to know its nodes. */
export type BootCommand = {
  readonly kind: 'read';
  readonly addresses: readonly string[];
  /** Also inspect every listed container. */
  readonly inspects: boolean;
  readonly tls?: TlsMaterial;
};

/** What reading all nodes took. */
export interface BootReading {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly bytes: number;
}

const CONCURRENT_NODES = 64;

async function read({ addresses, inspects, tls }: BootCommand): Promise<BootReading> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  let next = 0;
  let bytes = 0;
  const loop = async (): Promise<void> => {
    for (let address = addresses[next++]; address !== undefined; address = addresses[next++]) {
      bytes += await readNode(address, inspects, tls);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_NODES }, loop));
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs: performance.now() - startedAt, cpuMs: (user + system) / 1000, bytes };
}

async function readNode(address: string, inspects: boolean, tls: TlsMaterial | undefined): Promise<number> {
  const client = new LoadClient(targetOf(address, tls));
  let bytes = (await client.request(plainRequest('GET', '/info'))).bytes;
  const list = await client.fetch(plainRequest('GET', '/containers/json?all=1'));
  bytes += list.body.length;
  const entries = JSON.parse(list.body.toString()) as { Id: string }[];
  for (const { Id } of inspects ? entries : []) {
    bytes += (await client.request(plainRequest('GET', `/containers/${Id}/json`))).bytes;
  }
  client.close();
  return bytes;
}

serveParent<BootCommand>(read);
