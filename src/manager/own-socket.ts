import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type ListenAddress, parseListenAddress } from '../common/listen-address.ts';

/** A listener of the manager for itself alone, by which it serves what agents carry to it. */
export interface OwnSocket {
  readonly address: ListenAddress;
  /** Rejects when nobody listens there. */
  connect(): Promise<Duplex>;
  close(): Promise<void>;
}

/** Makes the place for it, in a folder that only this user enters. */
export async function ownSocket(): Promise<OwnSocket> {
  const folder = await mkdtemp(join(tmpdir(), 'enxame-api-'));
  const path = join(folder, 'api.sock');
  return {
    address: parseListenAddress(`unix://${path}`),
    connect: () =>
      new Promise((resolve, reject) => {
        const socket = connect({ path, allowHalfOpen: true });
        socket.once('error', reject);
        socket.once('connect', () => {
          socket.off('error', reject).on('error', () => undefined);
          resolve(socket);
        });
      }),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
