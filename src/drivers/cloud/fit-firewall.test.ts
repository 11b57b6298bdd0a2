import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DriverContext } from '../driver.ts';
import { fitFirewall, type OwnFirewall, type RuleChange } from './fit-firewall.ts';
import { type PortRange, rangeOf } from './ports.ts';

const { signal } = new AbortController();

/** `7946/tcp from 192.0.2.1/32,192.0.2.2/32`; anything else is a rule of another sort. */
type Rule = string;

function opens(rule: Rule): readonly PortRange[] | undefined {
  const [, ports, protocol = '', sources = ''] = /^(\S+)\/(tcp|udp) from (\S+)$/.exec(rule) ?? [];
  return ports === undefined ? undefined : rangeOf(protocol, ports, sources.split(','));
}

function ruleOf({ protocol, from, to, sources = ['0.0.0.0/0', '::/0'] }: PortRange): Rule {
  return `${from === to ? from : `${from}-${to}`}/${protocol} from ${sources.join()}`;
}

let directory = '';
let held: readonly Rule[] = [];
let written: RuleChange<Rule>[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'notes-'));
  held = [];
  written = [];
});

afterEach(() => rm(directory, { recursive: true, force: true }));

/** A provider whose rules have several networks each, or one. */
function firewall(holds: 'several' | 'one'): OwnFirewall<Rule> {
  const split = (range: PortRange): readonly PortRange[] =>
    (range.sources ?? ['0.0.0.0/0', '::/0']).map((each) => ({ ...range, sources: [each] }));
  return {
    kind: 'firewall',
    read: async () => held,
    opens,
    rules: (ranges) => ranges.flatMap((each) => (holds === 'one' ? split(each) : [each])).map(ruleOf),
    ...(holds === 'several' && { narrowed: (rule, sources) => rule.replace(/from .*/, `from ${sources.join()}`) }),
    write: async (_id, change) => {
      written.push(change);
      held = change.all;
    },
  };
}

const PORTS = ['22/tcp from 0.0.0.0/0,::/0', '7946/tcp from 0.0.0.0/0,::/0'].flatMap((each) => opens(each) ?? []);

async function fitted(
  holds: 'several' | 'one',
  ...given: readonly (Rule | { readonly isPartial: boolean })[]
): Promise<void> {
  const context = { directory, journal: { find: () => ({ id: '1' }) } } as unknown as DriverContext<unknown>;
  const wanted = given.flatMap((each) => (typeof each === 'string' ? (opens(each) ?? []) : []));
  const isPartial = given.some((each) => typeof each === 'object');
  await fitFirewall(context, firewall(holds), { wanted, ports: PORTS, isPartial }, signal);
}

describe('rules are the same when they let the same in', () => {
  test.each([
    { spelled: 'addresses without a prefix', as: ['7946/tcp from 192.0.2.2,192.0.2.3,2001:db8::7'] },
    {
      spelled: 'IPv6 in full and in capitals',
      as: ['7946/tcp from 192.0.2.2/32,192.0.2.3/32,2001:0DB8:0:0:0:0:0:7/128'],
    },
    { spelled: 'in another order', as: ['7946/tcp from 2001:db8::7/128,192.0.2.3/32,192.0.2.2/32'] },
    {
      spelled: 'one rule for each network',
      as: ['192.0.2.2', '192.0.2.3', '2001:db8::7'].map((each) => `7946/tcp from ${each}`),
    },
    { spelled: 'neighbours as one network', as: ['7946/tcp from 192.0.2.2/31,2001:db8::7/128'] },
    { spelled: 'a range of one port', as: ['7946-7946/tcp from 192.0.2.2/32,192.0.2.3/32,2001:db8::7/128'] },
  ])('$spelled', async ({ as }) => {
    const wanted = '7946/tcp from 192.0.2.2/32,192.0.2.3/32,2001:db8::7/128';
    await fitted('several', wanted);
    held = as;
    written = [];
    await fitted('several', wanted);
    expect(written).toEqual([]);
    // They are still the machine's.
    await fitted('several', '7946/tcp from 192.0.2.2/32');
    expect(held.map((each) => each.replace(/\.2$/, '.2/32'))).toEqual(['7946/tcp from 192.0.2.2/32']);
  });

  test('ports beside each other as one range, and apart again when one of them has other machines', async () => {
    const wanted = ['2377/tcp from 192.0.2.1/32', '2378/tcp from 192.0.2.1/32'];
    await fitted('one', ...wanted);
    held = ['2377-2378/tcp from 192.0.2.1/32'];
    written = [];
    await fitted('one', ...wanted);
    expect(written).toEqual([]);
    await fitted('one', '2377/tcp from 192.0.2.1/32');
    expect(held).toEqual(['2377/tcp from 192.0.2.1/32']);
  });
});

describe('what others let in stays', () => {
  test.each(['several', 'one'] as const)('in rules of their own, with %s in a rule', async (holds) => {
    await fitted(holds, '7946/tcp from 192.0.2.1/32');
    held = [...held, '7946/tcp from 198.51.100.0/24', 'deny all', '9100/tcp from 0.0.0.0/0'];
    await fitted(holds, '7946/tcp from 192.0.2.2/32');
    await fitted(holds);
    expect(held).toEqual(['7946/tcp from 198.51.100.0/24', 'deny all', '9100/tcp from 0.0.0.0/0']);
  });

  test('in a rule that was the machine’s before they added a network to it', async () => {
    await fitted('several', '7946/tcp from 192.0.2.1/32');
    held = ['7946/tcp from 192.0.2.1/32,198.51.100.0/24'];
    await fitted('several', '7946/tcp from 192.0.2.2/32');
    expect(held).toEqual(['7946/tcp from 198.51.100.0/24', '7946/tcp from 192.0.2.2/32']);
    await fitted('several');
    expect(held).toEqual(['7946/tcp from 198.51.100.0/24']);
  });

  test('where it lets in what the machine needs, which is then not the machine’s', async () => {
    await fitted('one', '22/tcp from 0.0.0.0/0');
    held = [...held, '7946/tcp from 192.0.2.0/24'];
    await fitted('one', '22/tcp from 0.0.0.0/0', '7946/tcp from 192.0.2.1/32');
    await fitted('one', '22/tcp from 0.0.0.0/0');
    expect(held).toEqual(['22/tcp from 0.0.0.0/0', '7946/tcp from 192.0.2.0/24']);
  });
});

test('who was let in stays while not all of the cluster is known', async () => {
  await fitted('one', '22/tcp from 0.0.0.0/0', '7946/tcp from 192.0.2.1/32');
  await fitted('one', { isPartial: true }, '22/tcp from 0.0.0.0/0', '7946/tcp from 192.0.2.2/32');
  expect(held).toHaveLength(3);
  await fitted('one', '22/tcp from 0.0.0.0/0', '7946/tcp from 192.0.2.2/32');
  expect(held).toEqual(['22/tcp from 0.0.0.0/0', '7946/tcp from 192.0.2.2/32']);
});

test('machines that come one after the other share a rule where it holds several', async () => {
  await fitted('several', '7946/tcp from 192.0.2.1/32');
  await fitted('several', '7946/tcp from 192.0.2.1/32,192.0.2.2/32');
  expect(held).toEqual(['7946/tcp from 192.0.2.1/32,192.0.2.2/32']);
});

test('no rule is touched while it cannot be read which ones are the machine’s', async () => {
  held = ['22/tcp from 192.0.2.9/32'];
  const notes = join(directory, 'firewall.json');
  for (const text of ['["22/t', '["in tcp 22"]', '{}']) {
    await writeFile(notes, text);
    await expect(fitted('several', '22/tcp from 192.0.2.1/32')).rejects.toThrow(notes);
    expect(await readFile(notes, 'utf8')).toBe(text);
  }
  expect(written).toEqual([]);
  await writeFile(notes, '[]');
  await fitted('several', '22/tcp from 192.0.2.1/32');
  expect(held).toEqual(['22/tcp from 192.0.2.9/32', '22/tcp from 192.0.2.1/32']);
});
