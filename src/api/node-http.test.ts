import { expect, test } from 'vitest';
import { checkNodeHttp } from './node-http.ts';

test('knows how this Node hands connections over, whatever its version', async () => {
  const major = Number(process.versions.node.split('.')[0]);
  expect(await checkNodeHttp()).toEqual({ upgradeBodies: major < 26 ? 'stream' : 'request' });
});
