import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { CommandResult } from '../../common/command.ts';
import { examineHost } from './examine-host.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');

/** A host with these programs; what `ip` cannot do fails. */
function host(programs: readonly string[], hasWireGuard: boolean): (name: string) => Promise<CommandResult> {
  return async (name) => {
    if (!programs.includes(name)) throw new Error(`${name} is not installed`);
    return { stdout: '', stderr: '', exitCode: name === 'ip' && !hasWireGuard ? 2 : 0 };
  };
}

/** A port that nobody listens at. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('examineHost', () => {
  it.each([
    [['wg', 'ip', 'iptables'], true, true, []],
    [['ip'], true, true, [/^programs are missing: install wireguard-tools, iptables$/]],
    [['wg', 'ip', 'iptables'], false, true, [/^its kernel has no WireGuard: install wireguard-go/]],
    [['wg', 'iptables'], true, true, [/install iproute2$/]],
    [['wg', 'ip', 'iptables'], false, false, [/^the mesh needs root/]],
  ] as const)('with %j, WireGuard: %s, root: %s', async (programs, hasWireGuard, isRoot, expected) => {
    const port = await closedPort();
    const manager = { host: '127.0.0.1', port };
    const found = await examineHost({ manager, isRoot, runProgram: host(programs, hasWireGuard), nowMs: NOW });
    expect(found).toEqual([
      ...expected.map((each) => expect.stringMatching(each)),
      expect.stringMatching(new RegExp(`does not get to the manager at 127.0.0.1:${port} over TCP \\(.*ECONNREFUSED`)),
    ]);
  });
});
