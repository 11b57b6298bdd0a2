import { contentOf } from '../pairs.ts';
import type { InitSystem } from './init-system.ts';
import { LAUNCHER } from './launcher.ts';
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
  agent: {
    files: [
      {
        path: '/etc/init.d/enxame-fence',
        content: `#!/sbin/openrc-run
# Written by enxame, which replaces it.
description="Agent that ends strict containers of Enxame"
supervisor=supervise-daemon
command=${LAUNCHER}
respawn_delay=1
respawn_max=0
output_log=/var/log/enxame-fence.log
error_log=/var/log/enxame-fence.log

depend() {
  before docker
}
`,
        mode: '755',
      },
    ],
    isRunning: 'rc-service -q enxame-fence status >/dev/null 2>&1',
    restart: `rc-update -q add enxame-fence default >/dev/null
rc-service enxame-fence restart >/dev/null 2>&1 || { tail -n 12 /var/log/enxame-fence.log; exit 1; }
`,
    stop: `rc-service enxame-fence stop >/dev/null 2>&1 || :
rc-update -q del enxame-fence default >/dev/null 2>&1 || :
`,
  },
};
