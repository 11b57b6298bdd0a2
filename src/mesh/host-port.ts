import { isIPv6 } from 'node:net';

/** `192.0.2.1:51820`, or `[2001:db8::1]:51820`. */
export function hostPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
