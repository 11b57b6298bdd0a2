import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type CommandResult, must, run } from '../../common/command.ts';
import { ClusterError } from '../../common/errors.ts';
import type { MeshOrder, PeerReport } from '../../mesh/protocol.ts';

/** Says something to each peer this often, in seconds: routers forget a way after half a minute. */
const KEEPALIVE_S = 25;
const COMMAND_MS = 20_000;
/** Ports tried after the first one that is wished for. */
const MORE_PORTS = 20;

/** What WireGuard tells of its interface. */
export interface WireGuardFacts {
  readonly key: string;
  readonly port: number;
  readonly peers: readonly (Omit<PeerReport, 'heardS'> & { readonly receivedBytes: number })[];
}

/** WireGuard cannot be had or set up on this host. */
export class MeshError extends ClusterError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: 'MESH', status: 500, cause });
  }
}

/** Runs a program of the host with a bound on its time. Rejects when it is not installed. */
async function program(name: string, args: readonly string[], hint: string): Promise<CommandResult> {
  try {
    return await run(name, args, { timeoutMs: COMMAND_MS });
  } catch (error) {
    if ((error as { readonly cause?: { readonly code?: unknown } }).cause?.code !== 'ENOENT') throw error;
    throw new MeshError(`${name} is not installed on this host: ${hint}`, error);
  }
}

const TOOLS = 'install wireguard-tools';
const ROUTES = 'install iproute2';

/**
 * Makes the interface unless it is there and works: of the kernel, else by `wireguard-go`. Returns which. Rejects with one line that says what to
 * install when neither can be had.
 */
export async function makeInterface(name: string): Promise<'kernel' | 'program'> {
  const shown = await program('wg', ['show', name, 'listen-port'], TOOLS);
  if (shown.exitCode === 0) return await kindOf(name);
  // Of a program that ended, or of somebody who took this very name.
  await program('ip', ['link', 'delete', name], ROUTES);
  const added = await program('ip', ['link', 'add', name, 'type', 'wireguard'], ROUTES);
  if (added.exitCode === 0) return 'kernel';
  if (/not permitted/i.test(added.stderr)) throw new MeshError('the mesh needs root: run the agent as root');
  // In a session of its own: what ends the agent must not end it.
  const started = await program('setsid', ['--wait', 'wireguard-go', name], 'install util-linux');
  if (started.exitCode === 0) return 'program';
  if (/No such file/i.test(started.stderr))
    throw new MeshError(
      'this host has no WireGuard: its kernel has no such module, and wireguard-go is not installed: install one of them (Debian: apt-get install wireguard-go)',
    );
  throw new MeshError(`wireguard-go ${name}: ${lastLine(started)} (is /dev/net/tun there?)`);
}

async function kindOf(name: string): Promise<'kernel' | 'program'> {
  const shown = await must('ip', ['-d', 'link', 'show', name], { timeoutMs: COMMAND_MS });
  return /\bwireguard\b/.test(shown.replaceAll(name, '')) ? 'kernel' : 'program';
}

/** The configuration as `wg syncconf` reads it. */
export function configuration(privateKey: string, port: number, order: MeshOrder | undefined): string {
  const peers = (order?.peers ?? []).flatMap(({ key, endpoint, allowed }) => [
    '[Peer]',
    `PublicKey = ${key}`,
    ...(endpoint === undefined ? [] : [`Endpoint = ${endpoint}`]),
    `PersistentKeepalive = ${KEEPALIVE_S}`,
    ...(allowed.length === 0 ? [] : [`AllowedIPs = ${allowed.map((address) => `${address}/32`).join(', ')}`]),
  ]);
  return ['[Interface]', `PrivateKey = ${privateKey}`, `ListenPort = ${port}`, ...peers, ''].join('\n');
}

/** Makes the interface's key, port and peers those of the file; tunnels that stay are not disturbed. */
export async function synchronise(name: string, file: string): Promise<void> {
  const { exitCode, ...said } = await program('wg', ['syncconf', name, file], TOOLS);
  if (exitCode !== 0) throw new MeshError(`wg syncconf ${name}: ${lastLine(said)}`);
}

/** Gives the interface its address and the route to the mesh, and brings it up. */
export async function address(name: string, { address: own, subnet, mtu }: MeshOrder): Promise<void> {
  const commands = [
    ['link', 'set', name, 'mtu', String(mtu), 'up'],
    ['address', 'replace', `${own}/32`, 'dev', name],
    ['route', 'replace', subnet, 'dev', name, 'src', own],
  ];
  for (const args of commands) await must('ip', args, { timeoutMs: COMMAND_MS });
  // What it had before, when the manager gave it another one.
  const shown = await must('ip', ['-o', '-4', 'address', 'show', 'dev', name], { timeoutMs: COMMAND_MS });
  for (const [, old] of shown.matchAll(/\binet ([\d.]+\/\d+)/g))
    if (old !== undefined && old !== `${own}/32`)
      await must('ip', ['address', 'delete', old, 'dev', name], { timeoutMs: COMMAND_MS });
}

/** Lets packets to an address of the mesh have so many bytes at most; undefined: as many as the interface lets through. */
export async function setFit(name: string, own: string, to: string, bytes: number | undefined): Promise<void> {
  const route = ['route', bytes === undefined ? 'delete' : 'replace', `${to}/32`, 'dev', name];
  if (bytes === undefined) return void (await program('ip', route, ROUTES));
  await must('ip', [...route, 'src', own, 'mtu', String(bytes)], { timeoutMs: COMMAND_MS });
}

/** What {@link setFit} was told before, by address. */
export async function readFits(name: string): Promise<Map<string, number>> {
  const { stdout } = await program('ip', ['-4', 'route', 'show', 'dev', name], ROUTES);
  const lines = [...stdout.matchAll(/^([\d.]+) .*\bmtu (\d+)/gm)];
  return new Map(lines.map(([, to = '', bytes]) => [to, Number(bytes)]));
}

/** What WireGuard tells now. Rejects when there is no such interface. */
export async function readFacts(name: string, nowMs: number): Promise<WireGuardFacts> {
  const { stdout, exitCode, stderr } = await program('wg', ['show', name, 'dump'], TOOLS);
  if (exitCode !== 0) throw new MeshError(`wg show ${name}: ${lastLine({ stdout: '', stderr })}`);
  return parseDump(stdout, nowMs);
}

/** Reads `wg show NAME dump` (wg(8)). Its first line has the private key, which goes nowhere. */
export function parseDump(text: string, nowMs: number): WireGuardFacts {
  const [first = '', ...lines] = text.trimEnd().split('\n');
  const [, key = '', port = ''] = first.split('\t');
  const peers = lines.map((line) => {
    const [peer = '', , endpoint = '', allowed = '', handshake = '0', received = '0'] = line.split('\t');
    const shaken = Number(handshake);
    return {
      key: peer,
      ...(endpoint !== '(none)' && { endpoint }),
      allowed: allowed === '(none)' ? [] : allowed.split(',').map((each) => each.replace(/\/32$/, '')),
      ...(shaken > 0 && { handshakeS: Math.max(0, Math.round(nowMs / 1000 - shaken)) }),
      receivedBytes: Number(received),
    };
  });
  return { key, port: Number(port), peers };
}

/** A UDP port that is free: the one that is wished for, one of the next, or any. */
export async function freeUdpPort(wished: number): Promise<number> {
  for (let port = wished; port < Math.min(wished + MORE_PORTS, 65_536); port += 1)
    if ((await boundPort(port)) !== undefined) return port;
  const any = await boundPort(0);
  if (any === undefined) throw new MeshError('no UDP port is free');
  return any;
}

/** The port, bound and let go of again; undefined when it is taken. */
export async function boundPort(port: number): Promise<number | undefined> {
  const socket = createSocket('udp4');
  try {
    const bound = once(socket, 'listening');
    socket.bind(port);
    await bound;
    return socket.address().port;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

function lastLine({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): string {
  return (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '';
}
