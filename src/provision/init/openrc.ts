import { contentOf } from '../pairs.ts';
import type { InitSystem, Service } from './init-system.ts';
import { ETCD_LAUNCHER, LAUNCHER, MESH_LAUNCHER } from './launcher.ts';
import { withBlock } from './shell-settings.ts';

const SETTINGS = '/etc/conf.d/docker';

/** OpenRC (Alpine, Gentoo). Its service names no sockets, so daemon.json does. */
export const openrc: InitSystem = {
  inspect: `file service ${SETTINGS}
if rc-service -q docker status >/dev/null 2>&1; then pair running yes; fi
`,
  wantsHostsInSettings: true,
  files: (setup, seen) => [
    { path: SETTINGS, content: withBlock(contentOf(seen, 'service') ?? '', setup), mode: '644' },
  ],
  restart: `rc-update -q add docker default >/dev/null
rc-service docker restart >/tmp/enxame-restart.$$ 2>&1 || {
  cat /tmp/enxame-restart.$$
  rm -f /tmp/enxame-restart.$$
  tail -n 12 /var/log/docker.log 2>/dev/null || :
  exit 1
}
rm -f /tmp/enxame-restart.$$
`,
  agent: service({
    name: 'enxame-fence',
    description: 'Agent that ends strict containers of Enxame',
    command: LAUNCHER,
    depend: 'before docker',
  }),
  mesh: service({
    name: 'enxame-mesh',
    description: 'Agent that keeps this node in the mesh of Enxame',
    command: MESH_LAUNCHER,
    depend: 'need net\n  before docker',
  }),
  etcd: service({
    name: 'enxame-etcd',
    description: 'Store that the managers of Enxame share (etcd)',
    command: ETCD_LAUNCHER,
    depend: 'need net',
  }),
};

interface Described {
  readonly name: string;
  readonly description: string;
  readonly command: string;
  readonly depend: string;
}

function service({ name, description, command, depend }: Described): Service {
  const content = `#!/sbin/openrc-run
# Written by enxame, which replaces it.
description="${description}"
supervisor=supervise-daemon
command=${command}
respawn_delay=1
respawn_max=0
output_log=/var/log/${name}.log
error_log=/var/log/${name}.log

depend() {
  ${depend}
}
`;
  return {
    files: [{ path: `/etc/init.d/${name}`, content, mode: '755' }],
    isRunning: `rc-service -q ${name} status >/dev/null 2>&1`,
    restart: `rc-update -q add ${name} default >/dev/null
rc-service ${name} restart >/dev/null 2>&1 || { tail -n 12 /var/log/${name}.log; exit 1; }
`,
    stop: `rc-service ${name} stop >/dev/null 2>&1 || :
rc-update -q del ${name} default >/dev/null 2>&1 || :
`,
  };
}
