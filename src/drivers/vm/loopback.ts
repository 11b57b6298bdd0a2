import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { DriverError } from '../errors.ts';

/** Where a machine behind its emulator's own network is reached on this computer. */
export interface Forwards {
  readonly address: string;
  /** Ports of this computer by the machine's. */
  readonly ports: Readonly<Record<string, number>>;
}

const TRIES = 64;

/**
 * An address and ports of this computer for a machine's ports. Linux answers on all of 127/8: there the machine gets an address of
 * its own, where its ports keep their numbers (those only root may use move up by 20000). Elsewhere: free ports of 127.0.0.1.
 */
export async function chooseForwards(id: string, ports: readonly number[]): Promise<Forwards> {
  for (let round = 0; round < TRIES; round += 1) {
    const choice = process.platform === 'linux' ? ownAddress(id, round, ports) : sharedAddress(id, round, ports);
    if (await areFree(choice)) return choice;
  }
  throw new DriverError('there is no free address for the machine below 127/8', 'NO_PORT');
}

function ownAddress(id: string, round: number, ports: readonly number[]): Forwards {
  const [a = 0, b = 0, c = 0] = createHash('sha256').update(`${id} ${round}`).digest();
  const address = `127.${64 + (a % 64)}.${b}.${1 + (c % 254)}`;
  return { address, ports: Object.fromEntries(ports.map((port) => [port, port < 1024 ? port + 20_000 : port])) };
}

function sharedAddress(id: string, round: number, ports: readonly number[]): Forwards {
  const [a = 0, b = 0] = createHash('sha256').update(`${id} ${round}`).digest();
  const first = 20_000 + ((a * 256 + b) % 10_000);
  return { address: '127.0.0.1', ports: Object.fromEntries(ports.map((port, index) => [port, first + index])) };
}

async function areFree({ address, ports }: Forwards): Promise<boolean> {
  for (const port of Object.values(ports)) if (!(await isFree(address, port))) return false;
  return true;
}

function isFree(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
