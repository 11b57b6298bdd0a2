import { expect, test } from 'vitest';
import { clientAddress } from './client-address.ts';
import type { Remote } from './remote.ts';

function remote(output: string): Remote {
  return { name: 'root@h', run: async () => ({ exit: 0, output }), close: async () => undefined };
}

test.each([
  { output: '198.51.100.7 51234 192.0.2.1 22\n', address: '198.51.100.7' },
  { output: '2001:db8::5 51234 2001:db8::1 22\n', address: '2001:db8::5' },
  { output: '::ffff:198.51.100.7 51234 ::ffff:192.0.2.1 22\n', address: '198.51.100.7' },
  { output: 'fe80::1%eth0 51234 fe80::2%eth0 22\n', address: 'fe80::1' },
  { output: 'Welcome to 10.0.0.1!\n198.51.100.7 1 192.0.2.1 22\n', address: '198.51.100.7' },
  { output: '\n', address: undefined },
  { output: 'UNKNOWN 65535 UNKNOWN 65535\n', address: undefined },
])('$output is a login from $address', async ({ output, address }) => {
  expect(await clientAddress(remote(output), { signal: new AbortController().signal })).toBe(address);
});
