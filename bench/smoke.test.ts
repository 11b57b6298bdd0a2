import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadResults } from './report/store.ts';

const NAIVE = 'node .cache/bench/bench/naive/main.js {port} {nodesFile}';
const SMALL = ['--quick', '--nodes', '5', '--containers', '10', '--clients', '2', '--mib', '8'];

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-bench-test-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function bench(...args: string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, ['scripts/bench.mjs', ...args, '--out', folder], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (output += String(chunk)));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

describe('npm run bench', () => {
  test('runs every part over a manager given by a command and saves its figures', { timeout: 600_000 }, async () => {
    const { code, output } = await bench('all', ...SMALL, '--manager', NAIVE);
    expect(output).not.toMatch(/bench:|failed\)/);
    expect(code).toBe(0);
    const results = await loadResults(folder);
    expect(results.map(({ part }) => part)).toEqual([
      'boot',
      'events',
      'failure',
      'idle',
      'read',
      'schedule',
      'streams',
    ]);
    for (const { rows } of results) {
      for (const row of rows) {
        expect(row.manager?.operations, row.operation).toBeGreaterThan(0);
        expect(Object.keys(row.floors), row.operation).not.toEqual([]);
      }
    }
    const facts = new Map(results.flatMap((result) => result.facts).map((fact) => [fact.name, fact.value]));
    // How many and how soon depends on the machine, and is not what this tests.
    for (const fact of ['events lost', 'a node that refuses is shown after'])
      expect(facts.get(fact)).toBeGreaterThanOrEqual(0);
  });

  test('measures the floors alone, over TLS', { timeout: 600_000 }, async () => {
    const { code, output } = await bench('read', ...SMALL, '--manager', 'none', '--tls');
    expect(output).toContain('5 nodes × 10 containers, TLS');
    expect(code).toBe(0);
    expect(await readdir(folder)).toContain('read-5x10-tls.json');
  });

  test.each([
    [['read', '--nodes', 'many'], '--nodes is a whole number from 1 to 10000, not "many"'],
    [['read', '--nodes', '1', '--manager', 'false'], 'the manager ended: false'],
    [['read', '--nodes', '1', '--manager', 'no-such-program {port}'], 'the manager ended: no-such-program'],
    [['dance'], 'npm run bench -- [PART] [OPTIONS]'],
  ])('%j says what is wrong', { timeout: 600_000 }, async (args, message) => {
    const { code, output } = await bench(...args);
    expect(output).toContain(message);
    expect(code).not.toBe(0);
  });
});
