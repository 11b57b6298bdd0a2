import type { OsRelease } from '../facts.ts';
import { type OsFamily, PATIENT } from './family.ts';

/** Fedora, RHEL and its rebuilds, Amazon Linux. Only some of them have an engine of their own. */
export const fedora: OsFamily = {
  title: 'Fedora or the RHEL family',
  ids: ['fedora', 'rhel', 'centos', 'rocky', 'almalinux', 'ol', 'amzn'],
  // dnf and yum wait for their lock by themselves; the step's own bound ends that.
  functions: `${PATIENT}
rpms() { if command -v dnf >/dev/null; then patient dnf -y -q "$@"; else patient yum -y -q "$@"; fi; }
install() { rpms install "$@"; }
renew() { rpms upgrade "$(rpm -q --qf '%{NAME}' -f "$1")"; }
`,
  engine: (os) => {
    if (os.id === 'fedora') return 'install moby-engine\ncommand -v docker >/dev/null || install docker-cli\n';
    if (os.id === 'amzn') return 'install docker\n';
    return fromDocker(os);
  },
  mesh: { tools: 'wireguard-tools iproute iptables-nft' },
  // Its service is not started by an installation.
  etcd: 'install etcd\n',
};

/** RHEL and its rebuilds have no engine: Docker's own repository is where it comes from. */
function fromDocker(os: OsRelease): string {
  const name = os.id === 'rhel' ? 'rhel' : 'centos';
  const url = `https://download.docker.com/linux/${name}/docker-ce.repo`;
  return `repo=/etc/yum.repos.d/docker-ce.repo
if [ ! -s $repo ]; then
  command -v curl >/dev/null || install curl
  curl -fsSL --retry 3 ${url} -o $repo.new
  mv $repo.new $repo
fi
install docker-ce docker-ce-cli containerd.io
`;
}
