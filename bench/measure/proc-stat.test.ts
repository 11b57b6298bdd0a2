import { describe, expect, test } from 'vitest';
import { memoryField, type ProcStat, parseProcStat, treeOf } from './proc-stat.ts';
import { ProcessMeter } from './process-meter.ts';

describe('parseProcStat', () => {
  test.each([
    ['42 (node) S 7 42 42 0 -1 4194304 100 0 0 0 150 25 3 4 20 0 11', { pid: 42, parentPid: 7, cpuTicks: 175 }],
    ['43 (a) b (c) d) R 1 43 43 0 -1 0 0 0 0 0 1 2 0 0 20 0 1', { pid: 43, parentPid: 1, cpuTicks: 3 }],
  ])('%s', (line, expected) => {
    expect(parseProcStat(line)).toEqual(expected);
  });
});

describe('treeOf', () => {
  const process = (pid: number, parentPid: number): ProcStat => ({ pid, parentPid, cpuTicks: 0 });

  test('finds descendants whatever their order, and nobody else', () => {
    const all = [process(9, 20), process(20, 5), process(5, 1), process(6, 1), process(1, 0)];
    expect(treeOf(all, [5]).map(({ pid }) => pid)).toEqual([9, 20, 5]);
  });
});

describe('memoryField', () => {
  test.each([
    ['VmRSS', 2048],
    ['VmHWM', 4096],
  ] as const)('%s', (field, bytes) => {
    expect(memoryField('Name:\tnode\nVmHWM:\t      4 kB\nVmRSS:\t       2 kB\n', field)).toBe(bytes);
  });
});

describe('ProcessMeter', () => {
  test('accounts the CPU time this process burns', () => {
    const meter = new ProcessMeter([process.pid]);
    const before = meter.cpuMs();
    const own = process.cpuUsage();
    let burnt = 0;
    while (burnt < 200_000) {
      const { user, system } = process.cpuUsage(own);
      burnt = user + system;
    }
    // Ticks are 10 ms, and other threads of this process may burn too.
    expect(meter.cpuMs() - before).toBeGreaterThanOrEqual(180);
  });

  test('knows memory and descriptors of a process, and nothing of one that is gone', () => {
    const meter = new ProcessMeter([process.pid]);
    expect(meter.memory().resident).toBeGreaterThan(10_000_000);
    expect(meter.memory().peak).toBeGreaterThanOrEqual(meter.memory().resident * 0.9);
    expect(meter.descriptors()).toBeGreaterThan(2);
    const gone = new ProcessMeter([2 ** 30]);
    expect([gone.cpuMs(), gone.memory().resident, gone.descriptors()]).toEqual([0, 0, 0]);
  });
});
