import { describe, expect, it } from 'vitest';
import type { MachineStatus } from '../../../machine/status.ts';
import { machineView } from './ls-view.ts';

const swarm = { isMaster: true, discovery: 'nodes://a:1', host: 'tcp://0.0.0.0:3376' };
const row = (more: object): MachineStatus =>
  ({
    name: 'a',
    record: { name: 'a', driver: 'none', swarm },
    state: 'Running',
    url: '',
    problems: [],
    ...more,
  }) as never;

describe('the column SWARM of ls', () => {
  it.each([
    [{}, 'a (master)'],
    [{ role: 'primary' }, 'a (master, primary)'],
    [{ role: 'replica' }, 'a (master, replica)'],
  ])('%j: %s', (more, shown) => {
    const column = machineView(undefined, new Map()).columns.find(({ title }) => title === 'SWARM');
    expect(column?.value(row(more))).toBe(shown);
  });
});
