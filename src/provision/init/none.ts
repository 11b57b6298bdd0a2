import { contentOf } from '../pairs.ts';
import type { InitSystem, Service } from './init-system.ts';
import { ETCD_LAUNCHER, LAUNCHER, MESH_LAUNCHER } from './launcher.ts';
import { loop } from './loop.ts';
import { withBlock } from './shell-settings.ts';

const SETTINGS = '/etc/default/docker';
const LOG = '/var/log/docker.log';
/**
 * Neither systemd nor OpenRC: a container, a chroot, a system with scripts of its own. dockerd is started directly, with the settings
 * Debian's service script reads too; after a start of the machine something there has to do the same.
 */
export const none: InitSystem = {
  inspect: `file service ${SETTINGS}
pid=$(cat /var/run/docker.pid 2>/dev/null || :)
if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then pair running yes; fi
`,
  wantsHostsInSettings: true,
  files: (setup, seen) => [
    { path: SETTINGS, content: withBlock(contentOf(seen, 'service') ?? '', setup), mode: '644' },
  ],
  restart: `pid=$(cat /var/run/docker.pid 2>/dev/null || :)
runs() { [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; }
if runs; then
  kill "$pid"
  i=0
  while runs && [ $i -lt 300 ]; do sleep 0.2; i=$((i + 1)); done
fi
if [ -f ${SETTINGS} ]; then set -a; . ${SETTINGS}; set +a; fi
eval "set -- \${DOCKER_OPTS:-}"
ulimit -n 1048576 2>/dev/null || :
setsid dockerd "$@" >>${LOG} 2>&1 </dev/null &
i=0
while ! [ -S /var/run/docker.sock ] || ! docker version >/dev/null 2>&1; do
  if [ $i -ge 10 ] && ! kill -0 $! 2>/dev/null || [ $i -ge 300 ]; then tail -n 12 ${LOG}; exit 1; fi
  sleep 0.2
  i=$((i + 1))
done
`,
  agent: service('enxame-fence', LAUNCHER),
  mesh: service('enxame-mesh', MESH_LAUNCHER),
  etcd: service('enxame-etcd', ETCD_LAUNCHER),
};

/** A shell in the background keeps it running. */
function service(name: string, launcher: string): Service {
  const [kept, log, pid] = [`${launcher}-loop`, `/var/log/${name}.log`, `/run/${name}.pid`];
  const isRunning = `grep -qs ${kept} "/proc/$(cat ${pid} 2>/dev/null)/cmdline"`;
  const end = `if ${isRunning}; then
  kill "$(cat ${pid})"
  i=0
  while ${isRunning} && [ $i -lt 50 ]; do sleep 0.2; i=$((i + 1)); done
fi
`;
  return {
    files: [{ path: kept, content: loop(launcher), mode: '755' }],
    isRunning,
    restart: `${end}setsid ${kept} >>${log} 2>&1 </dev/null &
echo $! >${pid}
sleep 2
if ! { ${isRunning}; }; then tail -n 12 ${log}; exit 1; fi
`,
    stop: `${end}rm -f ${pid}\n`,
  };
}
