import { LOCK_WAIT_SECONDS, type OsFamily, PATIENT } from './family.ts';

/** openSUSE and SLES (whose Containers module must be active). */
export const suse: OsFamily = {
  title: 'SUSE',
  ids: ['suse', 'opensuse', 'opensuse-leap', 'opensuse-tumbleweed', 'sles'],
  functions: `${PATIENT}
zypp() { ZYPP_LOCK_TIMEOUT=${LOCK_WAIT_SECONDS} patient zypper --non-interactive --quiet "$@"; }
install() { zypp install --no-recommends --auto-agree-with-licenses "$@"; }
renew() { zypp update --auto-agree-with-licenses "$(rpm -q --qf '%{NAME}' -f "$1")"; }
`,
  engine: () => 'install docker\n',
  mesh: { tools: 'wireguard-tools iproute2 iptables' },
  // Its service is not started by an installation.
  etcd: 'install etcd\n',
};
