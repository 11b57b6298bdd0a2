import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PortTable } from './port-table.ts';
import type { Reservation } from './reservation.ts';
import { ResourceLedger } from './reservation.ts';
import type { PortClaim, Protocol } from './types.ts';

const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'sctp'];
const IPS = ['', '0.0.0.0', '::', '10.0.0.1', '10.0.0.2', 'fe80::1', '[FE80::1]'];

const claim: fc.Arbitrary<PortClaim> = fc.record({
  protocol: fc.constantFrom(...PROTOCOLS),
  ip: fc.constantFrom(...IPS),
  port: fc.integer({ min: 1, max: 4 }),
});

const reservation: fc.Arbitrary<Reservation> = fc.record({
  memoryBytes: fc.nat(2 ** 30),
  nanoCpus: fc.nat(2 ** 30),
  ports: fc.array(claim, { maxLength: 4 }),
});

describe('PortTable', () => {
  it.each([
    ['the same port', ['tcp', '', 80], ['tcp', '', 80], true],
    ['another port', ['tcp', '', 80], ['tcp', '', 81], false],
    ['another protocol', ['tcp', '', 53], ['udp', '', 53], false],
    ['all addresses over one', ['tcp', '10.0.0.1', 80], ['tcp', '0.0.0.0', 80], true],
    ['one address under all', ['tcp', '', 80], ['tcp', '10.0.0.1', 80], true],
    ['all addresses of a family over one', ['tcp', 'fe80::1', 80], ['tcp', '::', 80], true],
    ['one address under all of its family', ['tcp', '0.0.0.0', 80], ['tcp', '10.0.0.1', 80], true],
    ['one address under all of the other family', ['tcp', '::', 80], ['tcp', '10.0.0.1', 80], false],
    ['all addresses of one family and of the other', ['tcp', '::', 80], ['tcp', '0.0.0.0', 80], false],
    ['the loopback and another address', ['tcp', '127.0.0.1', 80], ['tcp', '10.0.0.1', 80], false],
    ['an address of IPv4 written as IPv6', ['tcp', '::ffff:10.0.0.1', 80], ['tcp', '10.0.0.1', 80], true],
    ['an address written in full', ['tcp', 'fe80:0:0:0:0:0:0:1', 80], ['tcp', 'fe80::1', 80], true],
    ['two addresses', ['tcp', '10.0.0.1', 80], ['tcp', '10.0.0.2', 80], false],
    ['two spellings of an address', ['tcp', '[FE80::1]', 80], ['tcp', 'fe80::1', 80], true],
  ] as const)('%s', (_name, [protocol, ip, port], [askedProtocol, askedIp, askedPort], isUsed) => {
    const table = new PortTable();
    table.add({ protocol, ip, port });
    expect(table.uses(askedProtocol, askedIp, askedPort)).toBe(isUsed);
  });

  it('forgets a claim only when its last holder leaves, and ignores one it never had', () => {
    const table = new PortTable();
    const web: PortClaim = { protocol: 'tcp', ip: '', port: 80 };
    table.add(web);
    table.add({ ...web, ip: '0.0.0.0' });
    table.remove(web);
    expect(table.uses('tcp', '', 80)).toBe(true);
    table.remove({ ...web, ip: '::' });
    table.remove(web);
    expect(table.uses('tcp', '', 80)).toBe(true);
    table.remove({ ...web, ip: '0.0.0.0' });
    expect(table.uses('tcp', '', 80)).toBe(false);
  });
});

describe('ResourceLedger', () => {
  it('is what it was after put and remove', () => {
    fc.assert(
      fc.property(fc.array(reservation, { maxLength: 5 }), reservation, (present, added) => {
        const ledger = new ResourceLedger();
        for (const [index, entry] of present.entries()) ledger.put(`c${index}`, entry);
        const before = stateOf(ledger);
        ledger.put('new', added);
        expect(ledger.remove('new')).toBe(true);
        expect(ledger.remove('new')).toBe(false);
        expect(stateOf(ledger)).toEqual(before);
      }),
    );
  });

  it('equals a recomputation after any sequence of puts, replacements and removals', () => {
    const step = fc.record({ holder: fc.constantFrom('a', 'b', 'c', 'd'), entry: fc.option(reservation) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const ledger = new ResourceLedger();
        const model = new Map<string, Reservation>();
        for (const { holder, entry } of steps) {
          if (entry === null) expect(ledger.remove(holder)).toBe(model.delete(holder));
          else {
            ledger.put(holder, entry);
            model.set(holder, entry);
          }
        }
        expect(stateOf(ledger)).toEqual(recompute([...model.values()]));
      }),
    );
  });
});

interface State {
  readonly memoryBytes: number;
  readonly nanoCpus: number;
  readonly count: number;
  readonly used: readonly string[];
}

function stateOf(ledger: ResourceLedger): State {
  return {
    memoryBytes: ledger.memoryBytes,
    nanoCpus: ledger.nanoCpus,
    count: ledger.count,
    used: probes()
      .filter(({ protocol, ip, port }) => ledger.usesPort(protocol, ip, port))
      .map(String),
  };
}

function recompute(entries: readonly Reservation[]): State {
  const claims = entries.flatMap(({ ports }) => ports);
  return {
    memoryBytes: entries.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    nanoCpus: entries.reduce((sum, { nanoCpus }) => sum + nanoCpus, 0),
    count: entries.length,
    used: probes()
      .filter((probe) => claims.some((claim) => naiveOverlap(claim, probe)))
      .map(String),
  };
}

function probes(): (PortClaim & { toString(): string })[] {
  return PROTOCOLS.flatMap((protocol) =>
    IPS.flatMap((ip) =>
      [1, 2, 3, 4].map((port) => ({ protocol, ip, port, toString: () => `${protocol} ${ip} ${port}` })),
    ),
  );
}

function naiveOverlap(a: PortClaim, b: PortClaim): boolean {
  const bare = (ip: string): string => ip.replace(/[[\]]/g, '').toLowerCase();
  const isUnder = (one: string, all: string): boolean =>
    all === '' || (all === '0.0.0.0' && !one.includes(':')) || (all === '::' && one.includes(':'));
  const isAny = [a.ip, b.ip].includes('');
  const isSameHost = isAny || isUnder(a.ip, b.ip) || isUnder(b.ip, a.ip) || bare(a.ip) === bare(b.ip);
  return isSameHost && a.port === b.port && a.protocol === b.protocol;
}
