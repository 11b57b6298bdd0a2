import { expect, test } from 'vitest';
import { asksFor } from './fixed-ports.ts';

test.each<[unknown, boolean]>([
  [[{ HostIp: '', HostPort: '8080' }], true],
  [[{ HostPort: '80' }, { HostPort: '8080' }], true],
  [[{ HostIp: '', HostPort: '' }], false],
  [[{ HostPort: '0' }], false],
  [[{ HostPort: '8000-8090' }], false],
  [null, false],
  [undefined, false],
])('bindings %j ask for 8080: %s', (bindings, expected) => {
  expect(asksFor({ HostConfig: { PortBindings: { '80/tcp': bindings } } }, '80/tcp', 8080)).toBe(expected);
});
