import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DriverContext } from '../driver.ts';
import { fitFirewall, type OwnFirewall, type RuleChange } from './fit-firewall.ts';

const { signal } = new AbortController();

test('no rule is touched while it cannot be read which ones are the machine’s', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'notes-'));
  try {
    const written: RuleChange<string>[] = [];
    const firewall: OwnFirewall<string> = {
      kind: 'firewall',
      rules: () => [],
      read: async () => ['22/tcp from a person'],
      text: (rule) => rule,
      port: (rule) => rule.slice(0, 6),
      write: async (_id, change) => void written.push(change),
    };
    const context = { directory, journal: { find: () => ({ id: '1' }) } } as unknown as DriverContext<unknown>;
    const fitNow = (): Promise<void> =>
      fitFirewall(context, firewall, { wanted: ['22/tcp'], ports: ['22/tcp'] }, signal);
    const notes = join(directory, 'firewall.json');
    await writeFile(notes, '["22/t');
    await expect(fitNow()).rejects.toThrow(notes);
    expect(written).toEqual([]);
    await writeFile(notes, '[]');
    await fitNow();
    expect(written).toEqual([{ all: ['22/tcp from a person', '22/tcp'], added: ['22/tcp'], removed: [] }]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
