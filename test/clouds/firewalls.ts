import { expect, it } from 'vitest';
import type { PortSources } from '../../src/drivers/driver.ts';
import type { CloudBench } from './bench.ts';

/** A machine's firewall as its provider's server holds it. */
export interface HeldFirewall<Cloud> {
  /** `port/protocol from network,network`, without rules about what people asked for. */
  readonly rules: (cloud: Cloud) => readonly string[];
  /** Adds a rule as a person would, for TCP port 9100 from 192.0.2.77/32. */
  readonly addForeign: (cloud: Cloud) => void;
  /** Its rules are for IPv4. */
  readonly isV4Only?: boolean;
}

const signal = new AbortController().signal;
const MEMBERS = ['2377/tcp', '7946/tcp', '4789/udp', '7946/udp'];
const FOREIGN = '9100/tcp from 192.0.2.77/32';

function to(...members: readonly string[]): PortSources {
  return new Map(MEMBERS.map((port) => [port, members]));
}

/** What holds of every firewall that is changed as machines come and go. */
export function testFirewall<Cloud>(
  held: HeldFirewall<Cloud>,
  withCloud: (work: (cloud: Cloud, bench: CloudBench) => Promise<void>) => Promise<void>,
): void {
  const shown = (networks: readonly string[]): string =>
    networks.filter((each) => !held.isV4Only || !each.includes(':')).join();
  const among = (...members: readonly string[]): readonly string[] =>
    MEMBERS.map((port) => `${port} from ${shown(members)}`);
  const EVERYWHERE = ['22/tcp', '2376/tcp'].map((port) => `${port} from ${shown(['0.0.0.0/0', '::/0'])}`);

  it('lets members in at the ports of cluster networks as they come and go, and touches no rule of others', () =>
    withCloud(async (cloud, bench) => {
      const machine = bench.driver({ ports: [22, 2376, 2377, 7946], udpPorts: [4789, 7946], sources: to() });
      await machine.create(signal);
      const rules = (): readonly string[] => [...held.rules(cloud)].sort();
      expect(rules()).toEqual([...EVERYWHERE].sort());
      await machine.fitFirewall?.(to('192.0.2.1/32'), signal);
      expect(rules()).toEqual([...EVERYWHERE, ...among('192.0.2.1/32')].sort());
      held.addForeign(cloud);
      await machine.fitFirewall?.(to('192.0.2.2/32', '2001:db8::2/128'), signal);
      expect(rules()).toEqual([...EVERYWHERE, ...among('192.0.2.2/32', '2001:db8::2/128'), FOREIGN].sort());
      await machine.fitFirewall?.(to('192.0.2.2/32', '2001:db8::2/128'), signal);
      expect(rules()).toEqual([...EVERYWHERE, ...among('192.0.2.2/32', '2001:db8::2/128'), FOREIGN].sort());
      await machine.fitFirewall?.(to(), signal);
      expect(rules()).toEqual([...EVERYWHERE, FOREIGN].sort());
      await machine.remove(signal);
      // What is gone is no error.
      await machine.fitFirewall?.(to(), signal);
    }));

  it.each([1, 2, 3, 4])('goes on after a process was lost at change %i of a fit', (atChange) =>
    withCloud(async (cloud, bench) => {
      const given = { ports: [22, 2376, 2377, 7946], udpPorts: [4789, 7946], sources: to() };
      await bench.driver(given).create(signal);
      held.addForeign(cloud);
      await bench.driver(given).fitFirewall?.(to('192.0.2.1/32', '192.0.2.3/32'), signal);
      const cut = bench.driver({ ...given, cut: { atChange } });
      await cut.fitFirewall?.(to('192.0.2.2/32', '192.0.2.3/32'), signal).catch((error: unknown) => {
        expect(String(error)).toMatch(/process lost/);
      });
      await bench.driver(given).fitFirewall?.(to('192.0.2.2/32', '192.0.2.3/32'), signal);
      expect([...held.rules(cloud)].sort()).toEqual(
        [...EVERYWHERE, ...among('192.0.2.2/32', '192.0.2.3/32'), FOREIGN].sort(),
      );
      await bench.driver(given).fitFirewall?.(to(), signal);
      expect([...held.rules(cloud)].sort()).toEqual([...EVERYWHERE, FOREIGN].sort());
    }),
  );

  it('narrows what an earlier version let in from everywhere', () =>
    withCloud(async (cloud, bench) => {
      const machine = bench.driver({ ports: [22, 2376, 2377, 7946], udpPorts: [4789, 7946] });
      await machine.create(signal);
      expect(held.rules(cloud)).toHaveLength(6);
      await machine.fitFirewall?.(to('192.0.2.1/32'), signal);
      expect([...held.rules(cloud)].sort()).toEqual([...EVERYWHERE, ...among('192.0.2.1/32')].sort());
    }));
}

/** Rules that have one network each, as lines of one port each. */
export function byPort(rules: readonly (readonly [port: string, network: string])[]): readonly string[] {
  const networks = new Map<string, string[]>();
  for (const [port, network] of rules) networks.set(port, [...(networks.get(port) ?? []), network].sort(v4First));
  return [...networks].map(([port, from]) => `${port} from ${from.join()}`);
}

export function v4First(a: string, b: string): number {
  return Number(a.includes(':')) - Number(b.includes(':')) || (a < b ? -1 : 1);
}
