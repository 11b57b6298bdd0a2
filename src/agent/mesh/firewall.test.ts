import { describe, expect, it } from 'vitest';
import { amendment, chains } from './firewall.ts';

const WANTED = chains('enxame-1', 51820);

/** What `iptables -S` prints after a restore. */
function applied(before: readonly string[], amended: string | undefined): string[] {
  const lines = [...before];
  for (const line of (amended ?? '').split('\n')) {
    const [, declared] = /^:(\S+)/.exec(line) ?? [];
    if (declared !== undefined)
      lines.splice(0, lines.length, ...lines.filter((each) => !each.startsWith(`-A ${declared} `)));
    if (line.startsWith('-A ')) lines.push(line);
    if (line.startsWith('-I ')) lines.unshift(line.replace(/^-I (\S+) 1 /, '-A $1 '));
  }
  return lines;
}

describe('the firewall of a node in the mesh', () => {
  it('drops what belongs to swarm mode everywhere but in the mesh', () => {
    const [input] = WANTED;
    const rules = input?.rules ?? [];
    for (const dropped of ['-p udp -m udp --dport 4789 -j DROP', '-p tcp -m tcp --dport 2377 -j DROP'])
      expect(rules.indexOf(dropped)).toBeGreaterThan(rules.indexOf('-i enxame-1 -j RETURN'));
    expect(rules[0]).toBe('-p udp -m udp --dport 51820 -j ACCEPT');
  });

  it('is put there once, and left alone then', () => {
    const before = ['-P INPUT ACCEPT', '-A INPUT -i eth0 -j ACCEPT'];
    const after = applied(before, amendment(before.join('\n'), WANTED));
    expect(after[0]).toMatch(/^-A (INPUT -j ENXAME-MESH|FORWARD -j ENXAME-MESH-FORWARD)$/);
    expect(amendment(after.join('\n'), WANTED)).toBeUndefined();
  });

  it('is put back when a rule, a chain or the way to it is taken away', () => {
    const whole = applied([], amendment('', WANTED));
    for (const line of whole) {
      const rest = whole.filter((each) => each !== line);
      const amended = amendment(rest.join('\n'), WANTED);
      expect(amended, line).toBeDefined();
      expect(applied(rest, amended).sort()).toEqual([...whole].sort());
    }
  });

  it('does not take a chain whose name begins the same for its own', () => {
    const whole = applied([], amendment('', WANTED));
    const without = whole.filter((line) => !line.startsWith('-A ENXAME-MESH '));
    expect(amendment(without.join('\n'), WANTED)).toContain(':ENXAME-MESH - [0:0]');
    expect(amendment(without.join('\n'), WANTED)).not.toContain(':ENXAME-MESH-FORWARD');
  });
});
