import { type OsFamily, PATIENT } from './family.ts';

/** Debian, Ubuntu and those like them. */
export const debian: OsFamily = {
  title: 'Debian or Ubuntu',
  ids: ['debian', 'ubuntu'],
  // A dpkg that was interrupted refuses everything until its work is finished.
  functions: `${PATIENT}
apt() { patient apt-get -q -y -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"; }
known() { apt-cache show "$1" >/dev/null 2>&1; }
ready() {
  [ -z "\${updated-}" ] || return 0
  broken=$(dpkg --audit 2>/dev/null)
  apt update
  [ -z "$broken" ] || patient dpkg --configure -a --force-confdef --force-confold || apt --fix-broken install
  updated=yes
}
install() { ready; apt --no-install-recommends install "$@"; }
renew() { ready; apt --only-upgrade install "$(dpkg-query -S "$1" | head -n 1 | cut -d: -f1)"; }
`,
  // Newer releases have the docker command in a package of its own. With AppArmor in the kernel containers need its parser.
  engine: () => `ready
set -- docker.io
if known docker-cli; then set -- "$@" docker-cli; fi
if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then set -- "$@" apparmor; fi
install "$@" ca-certificates
`,
  mesh: { tools: 'wireguard-tools iproute2 iptables', program: 'wireguard-go' },
  // Its packages start what they bring: `policy-rc.d` (Debian Policy 9.3.3) keeps this one from it, for that moment.
  etcd: `policy=/usr/sbin/policy-rc.d
ours='# Written by enxame for a moment: etcd is not to be started.'
allow() { if grep -qsF "$ours" $policy; then rm -f $policy; fi; }
allow
trap allow EXIT
if ! [ -e $policy ]; then
  printf '#!/bin/sh\n%s\ncase " $* " in *" etcd "* | *" etcd.service "*) exit 101 ;; esac\n' "$ours" >$policy
  chmod 755 $policy
fi
install etcd-server
if [ -d /run/systemd/system ]; then systemctl disable -q --now etcd.service 2>/dev/null || :; fi
`,
};
