import { expect, test } from 'vitest';
import type { Exchange } from '../../simulator/exchange.ts';
import { FakeCluster } from '../../test/fakes/fake-cluster.ts';
import { MountedVolumes } from './mounted-volumes.ts';

const SIGNAL = new AbortController().signal;

/** An engine that reads an archive to its end and refuses it then. */
function refuse(exchange: Exchange, words: string): boolean {
  if (exchange.method !== 'PUT') return false;
  exchange.body = { data: () => undefined, end: () => exchange.error(500, words) };
  return true;
}

async function inWorld(words: string, act: (mounted: MountedVolumes) => Promise<void>): Promise<void> {
  await using fake = await FakeCluster.start([{ images: ['redis:latest'] }]);
  const { node, engine } = fake.at(0);
  engine.on('PUT /containers/*', (exchange) => refuse(exchange, words));
  const mounting = { volumes: ['data'], image: 'redis:latest', imageVolumes: [], label: 'a', signal: SIGNAL };
  const mounted = await MountedVolumes.open(node, mounting);
  await act(mounted);
  await mounted.close();
}

async function* pieces(...all: readonly Buffer[]): AsyncGenerator<Buffer, void, undefined> {
  yield* all;
}

test('an archive that its engine cut short is the reason, not what the other engine says of it', async () => {
  await inWorld('unexpected EOF', async (mounted) => {
    await expect(mounted.write(pieces(Buffer.alloc(100)), { signal: SIGNAL })).rejects.toMatchObject({
      code: 'ARCHIVE_CUT_SHORT',
      message: expect.stringContaining('a file was cut while it was read, or cannot be read'),
    });
  });
});

test('a whole archive that an engine refuses is refused in its words', async () => {
  await inWorld('no space left on device', async (mounted) => {
    await expect(mounted.write(pieces(Buffer.alloc(1_024)), { signal: SIGNAL })).rejects.toThrow(
      'no space left on device',
    );
  });
});
