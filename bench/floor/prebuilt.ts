import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { serveParent } from '../process/child.ts';
import type { TlsMaterial } from '../tls/material.ts';

/** Commands of the prebuilt floor. */
export type PrebuiltCommand =
  /** Answers the port. */
  | { readonly kind: 'listen'; readonly tls?: TlsMaterial }
  /** From now on every request gets this. */
  | { readonly kind: 'answer'; readonly status: number; readonly type: string; readonly body: Uint8Array };

/** The least that node:http can do: a body built beforehand, no routing, no thought. */
let status = 200;
let fields: Record<string, string | number> = {};
let body: Buffer = Buffer.alloc(0);

const listener: RequestListener = (_request, response) => {
  response.writeHead(status, fields);
  response.end(body);
};

async function listen(tls?: TlsMaterial): Promise<number> {
  const options = { ca: tls?.ca, cert: tls?.cert, key: tls?.key, requestCert: true };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(options, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

serveParent<PrebuiltCommand>((command) => {
  if (command.kind === 'listen') return listen(command.tls);
  status = command.status;
  body = Buffer.from(command.body);
  fields = { 'Content-Type': command.type, 'Content-Length': body.length };
  return undefined;
});
