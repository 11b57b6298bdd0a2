import { LOCK_WAIT_SECONDS, type OsFamily, PATIENT } from './family.ts';

/** Alpine. Its engine is in the community repository, which a fresh system has commented out. */
export const alpine: OsFamily = {
  title: 'Alpine',
  ids: ['alpine', 'postmarketos'],
  functions: `${PATIENT}
apk_() { patient apk --wait ${LOCK_WAIT_SECONDS} -q "$@"; }
ready() {
  [ -z "\${updated-}" ] || return 0
  sed -i 's,^#[[:space:]]*\\(.*/community\\)$,\\1,' /etc/apk/repositories
  apk_ update
  updated=yes
}
install() { ready; apk_ add "$@"; }
renew() {
  ready
  package=$(apk info -q --who-owns "$1")
  package=\${package%-r*}
  apk_ add -u "\${package%-*}"
}
`,
  engine: () => 'install docker\n',
  mesh: { tools: 'wireguard-tools-wg iproute2 iptables', program: 'wireguard-go' },
  // Its service is not started by an installation.
  etcd: 'install etcd\n',
};
