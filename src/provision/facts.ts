import { DriverError } from '../common/errors.ts';
import { contentOf, PAIRS, readPairs } from './pairs.ts';
import type { Task } from './provisioner.ts';
import type { Remote } from './remote.ts';
import { runStep } from './step.ts';

/** What /etc/os-release says, as far as we care. */
export interface OsRelease {
  /** `debian`, `fedora`, …; empty when the file is missing. */
  readonly id: string;
  /** The systems it is like, nearest first. */
  readonly like: readonly string[];
  readonly version: string;
  /** For people: `Debian GNU/Linux 12 (bookworm)`. */
  readonly title: string;
}

/** What a machine is, found out without changing anything. */
export interface HostFacts {
  readonly os: OsRelease;
  readonly init: 'systemd' | 'openrc' | 'none';
  /** What root's commands go behind: empty for root itself. */
  readonly become: '' | 'sudo -n' | 'doas -n';
  readonly hasEngine: boolean;
  /** Free space in bytes where engine and images will be. */
  readonly freeBytes: number;
  readonly hostname: string;
}

const SCRIPT = `${PAIRS}
file os /etc/os-release
[ -f /etc/os-release ] || file os /usr/lib/os-release
pair uid "$(id -u)"
pair hostname "$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)"
if [ -d /run/systemd/system ]; then pair init systemd
elif [ -d /run/openrc ] && command -v rc-service >/dev/null; then pair init openrc
else pair init none; fi
if program=$(command -v dockerd); then
  owner=
  # A package that was cut off while it was installed has its files but does not work.
  if command -v dpkg-query >/dev/null; then owner=$(dpkg-query -S "$(readlink -f "$program")" 2>/dev/null | cut -d: -f1 || :); fi
  if [ -z "$owner" ] || [ -z "$(dpkg-query -W -f '\${db:Status-Status}\n' "$owner" | grep -v '^installed$')" ]; then pair engine yes; fi
fi
pair free "$(df -Pk /var | awk 'NR == 2 { print $4 }')"
for b in sudo doas; do
  command -v $b >/dev/null || continue
  pair "has-$b" yes
  if $b -n true >/dev/null 2>&1; then pair become "$b"; break; fi
done
`;

/** Looks at the machine. Rejects with one line when its user cannot become root. */
export async function readFacts(remote: Remote, task: Task): Promise<HostFacts> {
  const pairs = readPairs(await runStep(remote, { title: 'looking at the machine', script: SCRIPT }, task));
  return {
    os: parseOsRelease(contentOf(pairs, 'os') ?? ''),
    init: (pairs.get('init') ?? 'none') as HostFacts['init'],
    become: wayToRoot(pairs, remote.name),
    hasEngine: pairs.has('engine'),
    freeBytes: Number(pairs.get('free') ?? 0) * 1024,
    hostname: pairs.get('hostname') ?? '',
  };
}

function wayToRoot(pairs: ReadonlyMap<string, string>, name: string): HostFacts['become'] {
  if (pairs.get('uid') === '0') return '';
  const become = pairs.get('become');
  if (become !== undefined) return `${become} -n` as HostFacts['become'];
  const user = name.split('@')[0] ?? '';
  if (pairs.has('has-sudo') || pairs.has('has-doas'))
    throw new DriverError(
      `${name} may not use sudo without a password. Run there as root: echo '${user} ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/${user} (or log in as root)`,
      'NO_SUDO',
    );
  throw new DriverError(
    `${name} is not root and there is no sudo: log in as root, or install sudo there and let ${user} use it without a password`,
    'NO_SUDO',
  );
}

/** Reads an os-release file: shell assignments, quoted or not (`os-release(5)`). */
export function parseOsRelease(text: string): OsRelease {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, raw = ''] = /^\s*([A-Z_0-9]+)=(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined) continue;
    const inner = /^(["'])(.*)\1$/.exec(raw)?.[2] ?? raw;
    values.set(key, inner.replace(/\\(["'$`\\])/g, '$1'));
  }
  const id = values.get('ID') ?? '';
  return {
    id,
    like: (values.get('ID_LIKE') ?? '').split(/\s+/).filter(Boolean),
    version: values.get('VERSION_ID') ?? '',
    title: values.get('PRETTY_NAME') ?? (id || 'a system without /etc/os-release'),
  };
}
