import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { connect, type TLSSocket } from 'node:tls';
import { type CommandResult, run } from '../../common/command.ts';
import { reasonOf } from '../../common/errors.ts';

const COMMAND_MS = 20_000;
const DIAL_MS = 8_000;
const TRIED = 'enxame-try';

/** What a host is examined with. */
export interface ExamineOptions {
  readonly manager: { readonly host: string; readonly port: number };
  /** Whether it is root that asks; without that some things cannot be tried. */
  readonly isRoot: boolean;
  /** Runs a program of the host; rejects when it is not installed. */
  readonly runProgram?: (name: string, args: readonly string[]) => Promise<CommandResult>;
  /** Unix time in milliseconds, by the host's clock. */
  readonly nowMs: number;
}

/** What keeps this host from joining the mesh, each in one line with what helps. Leaves nothing behind. */
export async function examineHost(options: ExamineOptions): Promise<readonly string[]> {
  const [own, dialled] = await Promise.all([ownHindrances(options), dialHindrances(options)]);
  return [...(options.isRoot ? [] : ['the mesh needs root: run this, and the agent, as root']), ...own, ...dialled];
}

async function ownHindrances({ isRoot, runProgram = runHere }: ExamineOptions): Promise<readonly string[]> {
  const isThere = (name: string, args: readonly string[]): Promise<boolean> =>
    runProgram(name, args).then(
      () => true,
      () => false,
    );
  const missing = [
    ...((await isThere('wg', ['--version'])) ? [] : ['wireguard-tools']),
    ...((await isThere('ip', ['-V'])) ? [] : ['iproute2']),
    ...((await isThere('iptables', ['--version'])) ? [] : ['iptables']),
  ];
  const install = missing.length === 0 ? [] : [`programs are missing: install ${missing.join(', ')}`];
  if (!isRoot || missing.includes('iproute2')) return install;
  const added = await runProgram('ip', ['link', 'add', TRIED, 'type', 'wireguard']);
  if (added.exitCode === 0) {
    await runProgram('ip', ['link', 'delete', TRIED]);
    return install;
  }
  const hasProgram = await isThere('wireguard-go', ['--version']);
  if (!hasProgram)
    return [...install, 'its kernel has no WireGuard: install wireguard-go, or use a kernel that has it (from 5.6 on)'];
  const hasTun = await access('/dev/net/tun', constants.R_OK).then(
    () => true,
    () => false,
  );
  return hasTun ? install : [...install, "/dev/net/tun is missing, which wireguard-go needs: 'modprobe tun'"];
}

async function dialHindrances({ manager: { host, port }, nowMs }: ExamineOptions): Promise<readonly string[]> {
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  let socket: TLSSocket | undefined;
  try {
    socket = await dial(host, port);
    const { valid_from: from, valid_to: to } = socket.getPeerCertificate();
    if (from === undefined) return [];
    const now = new Date(nowMs).toISOString();
    if (nowMs < Date.parse(from))
      return [`its clock is off: it is ${now} here, and the manager's certificate is good from ${from} on; set it`];
    if (nowMs > Date.parse(to))
      return [`the manager's certificate has run out (${to}), or the clock of this host is off: it is ${now} here`];
    return [];
  } catch (error) {
    return [
      `it does not get to the manager at ${place} over TCP (${reasonOf(error)}): does the manager listen there with --tlsverify, and does every firewall in between let this host's TCP out to it?`,
    ];
  } finally {
    socket?.destroy();
  }
}

/** As far as the manager's certificate: whether ours is good the agent says. */
function dial(host: string, port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, rejectUnauthorized: false, timeout: DIAL_MS });
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.once('secureConnect', () => resolve(socket));
    socket.once('timeout', () => fail(new Error(`no answer in ${DIAL_MS / 1000} s`)));
    socket.on('error', fail);
  });
}

function runHere(name: string, args: readonly string[]): Promise<CommandResult> {
  return run(name, args, { timeoutMs: COMMAND_MS });
}
