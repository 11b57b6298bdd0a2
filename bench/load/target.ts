import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TlsMaterial } from '../tls/material.ts';

/** What load is aimed at. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsMaterial;
}

/** From `host:port`. */
export function targetOf(address: string, tls?: TlsMaterial): Target {
  const colon = address.lastIndexOf(':');
  const target = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
  return tls === undefined ? target : { ...target, tls };
}

/** Opens a connection; the caller adds an error handler before anything else. */
export function open(target: Target): Socket {
  const { host, port, tls } = target;
  if (tls === undefined) return connect({ host, port, noDelay: true, allowHalfOpen: true });
  const { ca, cert, key } = tls;
  // Half-open TLS is an option of node's sockets that its types do not know.
  const options = { host, port, ca, cert, key, allowHalfOpen: true };
  return connectTls(options);
}
