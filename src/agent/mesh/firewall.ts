import { type CommandResult, run } from '../../common/command.ts';
import { reasonOf } from '../../common/errors.ts';
import { FENCE_PEER_PORT } from '../../common/kept-ports.ts';
import { ECHO_PORT } from '../../mesh/protocol.ts';

const INPUT = 'ENXAME-MESH';
const FORWARD = 'ENXAME-MESH-FORWARD';
const COMMAND_MS = 20_000;
const WAIT = ['-w', '5'] as const;

/** Ports of swarm mode and of its VXLAN, which engines open at every address of their hosts. */
const SWARM = [
  ['tcp', 2377],
  ['tcp', 7946],
  ['udp', 7946],
  ['udp', 4789],
] as const;

/** The rules of one chain of ours, as `iptables -S` prints them, and the chain that leads to it. */
interface Chain {
  readonly name: string;
  readonly from: string;
  readonly rules: readonly string[];
}

/**
 * What the mesh needs of the host's firewall. Swarm mode is reached over the mesh alone; tunnels get in, and agents that ask each other; a node passes on what is between nodes of
 * the mesh, and nothing else: forwarding is on for this interface only.
 */
export function chains(name: string, port: number): readonly Chain[] {
  const accepted = [['udp', ECHO_PORT] as const, ['tcp', FENCE_PEER_PORT] as const, ...SWARM];
  return [
    {
      name: INPUT,
      from: 'INPUT',
      rules: [
        rule('udp', port, 'ACCEPT'),
        ...accepted.map(([protocol, at]) => rule(protocol, at, 'ACCEPT', name)),
        `-i ${name} -j RETURN`,
        '-i lo -j RETURN',
        ...SWARM.map(([protocol, at]) => rule(protocol, at, 'DROP')),
      ],
    },
    {
      name: FORWARD,
      from: 'FORWARD',
      rules: [
        `-i ${name} -o ${name} -j ACCEPT`,
        `-i ${name} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j RETURN`,
        `-i ${name} -j DROP`,
      ],
    },
  ];
}

function rule(protocol: string, port: number, target: string, from?: string): string {
  const on = from === undefined ? '' : `-i ${from} `;
  return `${on}-p ${protocol} -m ${protocol} --dport ${port} -j ${target}`;
}

/** What `iptables-restore --noflush` must be told so that the chains are as they should be; undefined when they are. */
export function amendment(listed: string, wanted: readonly Chain[]): string | undefined {
  const lines = listed.split('\n');
  const changes = wanted.flatMap(({ name, from, rules }) => {
    const own = rules.map((each) => `-A ${name} ${each}`);
    const has = lines.filter((line) => line.startsWith(`-A ${name} `));
    const isSame = has.length === own.length && own.every((line, at) => has[at] === line);
    // A chain that is declared is emptied, in the same step in which it is filled.
    const chain = isSame ? [] : [`:${name} - [0:0]`, ...own];
    return lines.includes(`-A ${from} -j ${name}`) ? chain : [...chain, `-I ${from} 1 -j ${name}`];
  });
  if (changes.length === 0) return undefined;
  const declared = changes.filter((line) => line.startsWith(':'));
  return ['*filter', ...declared, ...changes.filter((line) => !line.startsWith(':')), 'COMMIT', ''].join('\n');
}

/** Puts the rules that are missing: Docker and other tools take some away when they are restarted. Resolves with what is wrong, in words. */
export async function keepFirewall(name: string, port: number): Promise<readonly string[]> {
  const wanted = chains(name, port);
  const failure = await keep('iptables', wanted);
  // Without IPv6, or without a firewall for it, nothing is open there either: the swarm's own sockets listen at IPv4 addresses.
  await keep('ip6tables', wanted.slice(0, 1));
  return failure === undefined ? [] : [`the swarm's ports may be open outside of the mesh: ${failure}`];
}

async function keep(program: 'iptables' | 'ip6tables', wanted: readonly Chain[]): Promise<string | undefined> {
  try {
    const listed = await run(program, [...WAIT, '-S'], { timeoutMs: COMMAND_MS });
    if (listed.exitCode !== 0) return failed(program, listed);
    const input = amendment(listed.stdout, wanted);
    if (input === undefined) return undefined;
    const done = await run(`${program}-restore`, [...WAIT, '--noflush'], { input, timeoutMs: COMMAND_MS });
    return done.exitCode === 0 ? undefined : failed(`${program}-restore`, done);
  } catch (error) {
    return reasonOf(error);
  }
}

function failed(program: string, { stderr, exitCode }: CommandResult): string {
  return `${program}: ${stderr.trim().split('\n').at(-1) || `exit code ${exitCode}`}`;
}
