import { testLeases } from '../../test/conformance/leases.ts';
import { EmbeddedRecords } from './embedded-records.ts';
import { LocalLeases } from './local-leases.ts';
import { MemoryStore } from './memory.ts';

testLeases('an embedded store', async () => {
  const records = new EmbeddedRecords(new MemoryStore(), 'r/');
  const leases = new LocalLeases();
  const closeStore = async (): Promise<void> => {
    leases.close();
    await records.close();
  };
  return { records, leases, rival: { records, leases }, ttlMs: 100, closeStore, close: closeStore };
});
