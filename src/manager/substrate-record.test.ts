import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { fullDiskRecords } from '../../test/fakes/memory-records.ts';
import { SubstrateRecord } from './substrate-record.ts';

const of = (swarmId: string): Parameters<SubstrateRecord['save']>[0] => ({ swarmId, nodes: [] });

function world() {
  const disk = { isFull: false, failure: new Error('this manager is not the primary') };
  const clock = new FakeClock();
  const deps = { ...fullDiskRecords(disk), clock };
  return { disk, clock, record: new SubstrateRecord(deps), other: new SubstrateRecord(deps) };
}

test('what could not be written counts, and is written later', async () => {
  const { disk, clock, record, other } = world();
  disk.isFull = true;
  await record.save(of('a'));
  expect(await record.load()).toEqual(of('a'));
  expect(await other.load()).toBeUndefined();
  disk.isFull = false;
  await clock.advance(30_000);
  await expect.poll(() => other.load()).toEqual(of('a'));
});

test('what could not be written while this manager led is not written over what the next one has written', async () => {
  const { disk, clock, record, other } = world();
  await record.save(of('a'));
  disk.isFull = true;
  await record.save(of('b'));
  record.handOver();
  disk.isFull = false;
  await other.save(of('c'));
  await clock.advance(60_000);
  expect(await record.load()).toEqual(of('c'));
  expect(await other.load()).toEqual(of('c'));
});
