import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { serveParent } from '../process/child.ts';
import type { TlsMaterial } from '../tls/material.ts';

/** Commands of the pipe floor. */
export type PipeCommand = {
  readonly kind: 'listen';
  /** `host:port` that every connection leads to. */
  readonly upstream: string;
  /** Read what comes from upstream into one buffer over and over (plain TCP only). */
  readonly reuse: boolean;
  readonly tls?: TlsMaterial;
};

const BUFFER_BYTES = 64 * 1024;

/** A proxy that looks at nothing: every connection is joined to one of its own to the upstream. */
async function listen({ upstream, reuse, tls }: PipeCommand): Promise<number> {
  const colon = upstream.lastIndexOf(':');
  const address = { host: upstream.slice(0, colon), port: Number(upstream.slice(colon + 1)) };
  const accept = (client: Socket): void => {
    if (reuse && tls === undefined) {
      joinReusing(client, address);
      return;
    }
    join(client, tls === undefined ? connect({ ...address, noDelay: true }) : connectTls({ ...address, ...tls }));
  };
  const server: Server =
    tls === undefined
      ? createServer({ noDelay: true }, accept)
      : createTlsServer({ ...tls, requestCert: true }, accept);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function join(client: Socket, engine: Socket): void {
  endTogether(client, engine);
  client.pipe(engine).pipe(client);
}

/** As {@link join}, but nothing is allocated per read from upstream; the buffer is reused once it has been written. */
function joinReusing(client: Socket, address: { host: string; port: number }): void {
  let stopped = false;
  const onWritten = (): void => {
    if (!stopped) return;
    stopped = false;
    engine.resume();
  };
  const engine: Socket = connect({
    ...address,
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafe(BUFFER_BYTES),
      callback: (bytes, buffer) => {
        client.write(buffer.subarray(0, bytes), onWritten);
        // What the kernel did not take at once still lies in the buffer: read on only when it is gone.
        stopped = client.writableLength > 0;
        return !stopped;
      },
    },
  });
  endTogether(client, engine);
  engine.on('end', () => client.end());
  client.pipe(engine);
}

function endTogether(client: Socket, engine: Socket): void {
  // Either side may leave at any time; the other follows.
  client.on('error', () => engine.destroy());
  engine.on('error', () => client.destroy());
  client.on('close', () => engine.destroy());
  engine.on('close', () => client.destroySoon());
}

serveParent<PipeCommand>(listen);
