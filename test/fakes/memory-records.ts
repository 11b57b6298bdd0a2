import { systemClock } from '../../src/common/clock.ts';
import { silentLogger } from '../../src/common/logger.ts';
import { DesiredState } from '../../src/desired/desired-state.ts';
import { EmbeddedRecords } from '../../src/kv/embedded-records.ts';
import { MemoryStore } from '../../src/kv/memory.ts';
import type { RecordViewDeps } from '../../src/kv/record-view.ts';

/** Records that live as long as the test; every view opened on them sees the same. */
export function memoryRecords(): RecordViewDeps & { readonly records: EmbeddedRecords } {
  const records = new EmbeddedRecords(new MemoryStore(), 'test/');
  return { records, clock: systemClock, logger: silentLogger() };
}

/** Where records are kept: it takes nothing while `isFull`. */
export interface TestDisk {
  isFull: boolean;
  /** What a write waits for; default: nothing. */
  isReady?: Promise<void>;
  /** What writes fail with then; default: a disk's own words. */
  readonly failure?: Error;
}

/** Such records on a disk that takes nothing while `isFull`. */
export function fullDiskRecords(disk: TestDisk): RecordViewDeps & { readonly records: EmbeddedRecords } {
  const store = new MemoryStore();
  const write = store.write.bind(store);
  store.write = async (changes) => {
    if (disk.isFull) throw new Error('No space left on device');
    await disk.isReady;
    await write(changes);
  };
  const records = new EmbeddedRecords(store, 'test/');
  if (disk.failure) {
    const { failure } = disk;
    const make = records.write.bind(records);
    records.write = async (...args) => {
      if (disk.isFull) throw failure;
      return await make(...args);
    };
  }
  return { ...memoryRecords(), records };
}

/** A desired state that lives as long as the test, on a disk that takes nothing while `isFull`. */
export function memoryDesired(disk: TestDisk = { isFull: false }): Promise<DesiredState> {
  return DesiredState.open({ ...fullDiskRecords(disk), bodies: fullDiskRecords(disk).records });
}
