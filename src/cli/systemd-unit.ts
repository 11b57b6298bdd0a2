import { resolve } from 'node:path';

/** What a unit is printed for. */
export interface UnitOptions {
  /** The program as it runs now: Node, and the script. */
  readonly program: readonly [node: string, script: string];
  /** The arguments of `enxame`, as given, with `--print-unit`. */
  readonly argv: readonly string[];
  /** The folder the command line was given in: relative paths of files are meant from there. */
  readonly folder: string;
  /** Whether it must run as root: for root's SSH keys, the engine's socket of this host, folders of the person's own. */
  readonly needsRoot: boolean;
  /** Files and folders beside its own that it writes. */
  readonly writes: readonly string[];
}

/** PEM files and keys, which systemd hands to the service as credentials: it need not be able to read them where they are. */
const CREDENTIALS: ReadonlyMap<string, string> = new Map([
  ['--tlscacert', 'ca.pem'],
  ['--tlscert', 'cert.pem'],
  ['--tlskey', 'key.pem'],
  ['--notify-secret', 'notify-secret'],
]);

/**
 * A systemd unit (systemd 247 and newer) that runs this command line. The service has a user of its own (`DynamicUser=`) unless it
 * needs root, and sees no more of the host than it needs.
 */
export function systemdUnit({ program, argv, folder, needsRoot, writes }: UnitOptions): string {
  const { start, credentials } = commandOf({ program, argv, folder });
  return [
    '# Made by enxame manage --print-unit. Save it as /etc/systemd/system/enxame.service, then:',
    '#   systemctl daemon-reload && systemctl enable --now enxame',
    '[Unit]',
    'Description=Enxame: many Docker engines as one endpoint',
    'Wants=network-online.target',
    'After=network-online.target',
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${start}`,
    '# More settings, and what others must not read (ENXAME_DISCOVERY=token://…), go into this file, mode 0600.',
    'EnvironmentFile=-/etc/enxame/manage.env',
    ...credentials,
    'Restart=on-failure',
    'RestartSec=2',
    '# A command line that cannot be obeyed does not become better.',
    'RestartPreventExitStatus=2',
    'TimeoutStopSec=30',
    'LimitNOFILE=65536',
    '',
    ...(needsRoot ? [] : ['DynamicUser=yes']),
    'StateDirectory=enxame',
    'StateDirectoryMode=0700',
    'RuntimeDirectory=enxame',
    'Environment=ENXAME_STATE_DIR=/var/lib/enxame',
    ...writes.map((path) => `ReadWritePaths=${quoted(literal(resolve(folder, path)))}`),
    'UMask=0077',
    'NoNewPrivileges=yes',
    'CapabilityBoundingSet=',
    'ProtectSystem=strict',
    needsRoot ? 'ProtectHome=read-only' : 'ProtectHome=yes',
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectKernelTunables=yes',
    'ProtectKernelModules=yes',
    'ProtectControlGroups=yes',
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
    'RestrictNamespaces=yes',
    'LockPersonality=yes',
    'SystemCallArchitectures=native',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
}

/** What the unit of a node's agent is printed for. */
export interface AgentUnitOptions extends Pick<UnitOptions, 'program' | 'argv' | 'folder'> {
  /** Whether it takes its node into the mesh, which has to be up before Docker. */
  readonly isMesh: boolean;
}

/** A systemd unit (systemd 247 and newer) that runs the agent of a node with this command line, as root. */
export function agentUnit({ isMesh, ...options }: AgentUnitOptions): string {
  const { start, credentials } = commandOf(options);
  return [
    '# Made by enxame join --print-unit. Save it as /etc/systemd/system/enxame-agent.service, then:',
    '#   systemctl daemon-reload && systemctl enable --now enxame-agent',
    '[Unit]',
    'Description=Enxame: the agent of this node',
    'Wants=network-online.target',
    'After=network-online.target',
    ...(isMesh ? ["# Docker's swarm mode is at the node's address in the mesh.", 'Before=docker.service'] : []),
    '',
    '[Service]',
    ...(isMesh
      ? ['# It counts as started once the mesh is up as it was last.', 'Type=notify', 'NotifyAccess=all']
      : ['Type=exec']),
    `ExecStart=${start}`,
    '# What others must not read (ENXAME_DISCOVERY=token://…) goes into this file, mode 0600.',
    'EnvironmentFile=-/etc/enxame/agent.env',
    ...credentials,
    'Restart=always',
    'RestartSec=2',
    '# A command line that cannot be obeyed does not become better.',
    'RestartPreventExitStatus=2',
    '# wireguard-go, and what ends strict containers, outlive the agent.',
    'KillMode=process',
    'TimeoutStartSec=60',
    'TimeoutStopSec=30',
    'LimitNOFILE=65536',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
}

function commandOf({ program, argv, folder }: Pick<UnitOptions, 'program' | 'argv' | 'folder'>): {
  readonly start: string;
  readonly credentials: readonly string[];
} {
  const credentials: string[] = [];
  const words = withAbsoluteFiles(argv, folder, (name, path) => credentials.push(`LoadCredential=${name}:${path}`));
  return { start: [...program.map(literal), ...words].map(quoted).join(' '), credentials };
}

function withAbsoluteFiles(
  argv: readonly string[],
  folder: string,
  onCredential: (name: string, path: string) => void,
): string[] {
  const words: string[] = [];
  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i] ?? '';
    if (word === '--print-unit') continue;
    const [flag = '', inline] = word.startsWith('--') ? splitOnce(word) : [word];
    const name = CREDENTIALS.get(flag);
    // A price file is read again when it changes, which a credential cannot.
    if (flag === '--notify-exec' || flag === '--prices' || flag === '--mesh-state') {
      if (inline === undefined) i += 1;
      const path = inline ?? argv[i] ?? '';
      const isProgramName = flag === '--notify-exec' && !path.includes('/');
      words.push(flag, literal(isProgramName ? path : resolve(folder, path)));
      continue;
    }
    if (name === undefined) {
      words.push(literal(word));
      continue;
    }
    if (inline === undefined) i += 1;
    onCredential(name, resolve(folder, inline ?? argv[i] ?? '').replaceAll('%', '%%'));
    words.push(flag, `\${CREDENTIALS_DIRECTORY}/${name}`);
  }
  return words;
}

function splitOnce(word: string): [flag: string, value: string | undefined] {
  const equals = word.indexOf('=');
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

/** A word that systemd must not expand. */
function literal(word: string): string {
  return word.replaceAll('%', '%%').replaceAll('$', '$$$$');
}

/** A word of a command line as systemd reads it (systemd.service(5), "Command lines"). */
function quoted(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./${}[\]-]+$/.test(word)) return word;
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
