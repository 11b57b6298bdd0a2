import { contentOf } from '../pairs.ts';
import type { InitSystem } from './init-system.ts';
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
};
