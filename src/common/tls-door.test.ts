import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { guardTls, isWelcome } from './tls-door.ts';

// What clients see is in api/doors.test.ts. Node's own client never sends the alert that Go's, curl's and others' send.
test.each([
  'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE',
  'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
])('a client that refuses our certificate is told with its address, though it has left: %s', (code) => {
  const server = new EventEmitter();
  const lines: unknown[] = [];
  guardTls(server as unknown as Server, true, pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }));
  const socket: { remoteAddress?: string } = { remoteAddress: '10.0.0.9' };
  server.emit('keylog', Buffer.from('SERVER_HANDSHAKE_TRAFFIC_SECRET 00 00\n'), socket);
  delete socket.remoteAddress;
  server.emit('keylog', Buffer.from('EXPORTER_SECRET 00 00\n'), socket);
  server.emit('tlsClientError', Object.assign(new Error(code), { code }), socket);
  expect(lines).toEqual([
    expect.objectContaining({ client: '10.0.0.9', reason: 'the client does not trust our certificate' }),
  ]);
});

// Node 20 to 26 call a TLS 1.3 session that is resumed without a certificate authorized, also that of a refused client.
test.each([
  { certificate: undefined, isLetIn: false },
  { certificate: {}, isLetIn: true },
])('an authorized connection is let in with a certificate only: $isLetIn', ({ certificate, isLetIn }) => {
  const server = new EventEmitter();
  guardTls(server as unknown as Server, true, pino({ level: 'silent' }));
  const socket = Object.assign(new EventEmitter(), {
    authorized: true,
    getPeerX509Certificate: () => certificate,
    getPeerCertificate: () => ({}),
    getProtocol: () => 'TLSv1.3',
    destroy: () => undefined,
  });
  server.emit('secureConnection', socket);
  expect(isWelcome({ socket } as unknown as IncomingMessage)).toBe(isLetIn);
});
