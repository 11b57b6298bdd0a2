import { expect, test } from 'vitest';
import { ClientConnection } from './client-connection.ts';

test('calls one after the other share a signal, until one was ended', () => {
  const connection = new ClientConnection();
  const { signal } = connection;
  expect(connection.signal).toBe(signal);
  connection.abort(new Error('client left'));
  expect(signal.reason).toEqual(new Error('client left'));
  expect(connection.signal.aborted).toBe(false);
});
