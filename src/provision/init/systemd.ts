import { DriverError } from '../../common/errors.ts';
import { contentOf } from '../pairs.ts';
import { baseCommand, withoutFlags } from './exec-start.ts';
import type { EngineSetup, InitSystem, Service } from './init-system.ts';
import { ETCD_FOLDER, ETCD_LAUNCHER, LAUNCHER, MESH_LAUNCHER } from './launcher.ts';

/** Sorts behind everything else there, so that it has the last word. */
const DROP_IN = '/etc/systemd/system/docker.service.d/zz-enxame.conf';
/** What docker-machine wrote; its flags and our settings exclude each other. */
const OTHERS = ['/etc/systemd/system/docker.service.d/10-machine.conf'];
const TLS_FLAGS = ['tls', 'tlsverify', 'tlscacert', 'tlscert', 'tlskey'];

// Before the engine at the start, after it at the end: an engine that ends first ends its containers, and nothing is handed back. The agent's
// guard outlives it.
const AGENT_UNIT = `# Written by enxame, which replaces it.
[Unit]
Description=Agent that ends strict containers of Enxame
Before=docker.service
StartLimitIntervalSec=0

[Service]
ExecStart=${LAUNCHER}
Restart=always
RestartSec=1
KillMode=process
TimeoutStopSec=20
OOMScoreAdjust=-900

[Install]
WantedBy=multi-user.target
`;

// The engine waits until the mesh is up as it was last: its swarm mode is at the machine's address there. wireguard-go outlives the agent.
const MESH_UNIT = `# Written by enxame, which replaces it.
[Unit]
Description=Agent that keeps this node in the mesh of Enxame
Wants=network-online.target
After=network-online.target
Before=docker.service
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=all
ExecStart=${MESH_LAUNCHER}
Restart=always
RestartSec=1
KillMode=process
TimeoutStartSec=60
TimeoutStopSec=20
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`;

const ETCD_UNIT = `# Written by enxame, which replaces it.
[Unit]
Description=Store that the managers of Enxame share (etcd)
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=${ETCD_LAUNCHER}
Restart=always
RestartSec=1
LimitNOFILE=65536
OOMScoreAdjust=-500
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ReadWritePaths=${ETCD_FOLDER}

[Install]
WantedBy=multi-user.target
`;

/**
 * systemd. Distributions name the engine's socket on the command line of their unit (`-H fd://`), which excludes `hosts` in
 * daemon.json: a drop-in repeats their command with one more `-H`.
 */
export const systemd: InitSystem = {
  inspect: `pair unit "$(systemctl cat docker.service 2>/dev/null | base64 | tr -d '\\n')"
if systemctl is-active -q docker.service; then pair running yes; fi
`,
  wantsHostsInSettings: false,
  files: (setup, seen) => [{ path: DROP_IN, content: dropIn(setup, contentOf(seen, 'unit') ?? ''), mode: '644' }],
  restart: `systemctl daemon-reload
systemctl enable -q docker.service
systemctl reset-failed docker.service 2>/dev/null || :
systemctl restart docker.service || {
  journalctl _SYSTEMD_UNIT=docker.service -n 30 --no-pager -o cat 2>/dev/null | grep -v ' level=info ' | tail -n 12 || :
  exit 1
}
`,
  agent: service('enxame-fence', AGENT_UNIT),
  mesh: service('enxame-mesh', MESH_UNIT),
  etcd: service('enxame-etcd', ETCD_UNIT),
};

function service(name: string, unit: string): Service {
  return {
    files: [{ path: `/etc/systemd/system/${name}.service`, content: unit, mode: '644' }],
    isRunning: `systemctl is-active -q ${name}.service`,
    restart: `systemctl daemon-reload
systemctl enable -q ${name}.service
systemctl restart ${name}.service
sleep 2
if ! systemctl is-active -q ${name}.service || [ "$(systemctl show -p NRestarts --value ${name}.service)" != 0 ]; then
  journalctl -u ${name}.service -n 12 --no-pager -o cat
  exit 1
fi
`,
    stop: `systemctl disable -q --now ${name}.service || :\n`,
  };
}

function dropIn(setup: EngineSetup, unit: string): string {
  const base = baseCommand(unit, [DROP_IN, ...OTHERS]);
  if (base === undefined) throw new DriverError('there is no docker.service with an ExecStart there', 'NO_ENGINE_UNIT');
  const kept = withoutFlags(base, [...TLS_FLAGS, ...setup.inSettings]).filter(isNotTcpHost);
  const hasSocket = kept.some((word) => /^(-H|--host)(=|$)/.test(word));
  const hosts = [
    ...(hasSocket ? [] : ['unix:///var/run/docker.sock']),
    ...(setup.listen === undefined ? [] : [setup.listen]),
  ];
  const command = [...kept, ...hosts.map((host) => `-H=${host}`), ...setup.flags.map(systemdWord)];
  const lines = [
    '# Written by enxame, which replaces it. Put changes of your own into another file.',
    '[Service]',
    ...setup.env.map((pair) => `Environment=${systemdWord(pair)}`),
    'ExecStart=',
    `ExecStart=${command.join(' ')}`,
  ];
  return `${lines.join('\n')}\n`;
}

function isNotTcpHost(word: string): boolean {
  return !/^(-H=?|--host=)tcp:/.test(word);
}

/** One word of a unit file: quoted, nothing in it expanded (`systemd.service(5)`, "COMMAND LINES"). */
function systemdWord(text: string): string {
  const escaped = text.replace(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w\-=.,:/@+%$]+$/.test(escaped) ? escaped : `"${escaped}"`;
}
