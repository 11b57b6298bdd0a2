/**
 * What the machine needs beyond Node.js, as Debian packages, each with its reason.
 * `lab`: real engines, needed by `npm start` and `npm test`. `tests`: needed by `npm test` only. `vm`: by the slower suite with
 * virtual machines only.
 */
export const requirements = [
  { name: 'docker.io', use: 'lab', reason: 'Docker engine and CLI 20.10, containerd and runc' },
  { name: 'docker-compose', use: 'lab', reason: 'compose 1.29, the Python one of the 20.10 generation' },
  { name: 'busybox-static', use: 'lab', reason: 'content of the busybox test image' },
  { name: 'redis-server', use: 'lab', reason: 'content of the redis test image' },
  { name: 'redis-tools', use: 'lab', reason: 'redis-cli of the redis test image' },
  { name: 'iproute2', use: 'lab', reason: 'network namespaces, bridge and links of the lab; tc for slow links' },
  { name: 'iptables', use: 'lab', reason: 'dockerd publishes ports with it' },
  { name: 'openssh-client', use: 'tests', reason: 'ssh and ssh-keygen for engines reached over SSH' },
  { name: 'openssh-server', use: 'tests', reason: 'a real sshd for SSH connections and provisioning' },
  { name: 'mmdebstrap', use: 'tests', reason: 'Debian hosts of the tests, onto which an engine is installed over SSH' },
  { name: 'qemu-system-x86', use: 'vm', reason: 'real virtual machines' },
  { name: 'qemu-utils', use: 'vm', reason: 'disks of virtual machines' },
  { name: 'wireguard-go', use: 'tests', reason: 'WireGuard without a module of the kernel, for nodes in the mesh' },
  { name: 'wireguard-tools', use: 'tests', reason: 'wg, which sets WireGuard up' },
  { name: 'docker-registry', use: 'tests', reason: 'a real registry to pull from and push to' },
  { name: 'etcd-server', use: 'tests', reason: 'a real etcd of three members' },
  { name: 'libzookeeper-java', use: 'tests', reason: 'a real ZooKeeper' },
  { name: 'default-jre-headless', use: 'tests', reason: 'the Java that ZooKeeper runs on' },
  { name: 'prometheus', use: 'tests', reason: 'scrapes the metrics and runs the alert rules; promtool checks both' },
  { name: 'chromium', use: 'tests', reason: 'the browser that the tests of the page drive' },
  { name: 'curl', use: 'tests', reason: 'the API as users ask it; in the stand-in for the reaper of Testcontainers' },
  { name: 'openssl', use: 'tests', reason: 'looks at certificates as users do' },
  { name: 'procps', use: 'tests', reason: 'pkill and pgrep for processes in namespaces of the tests' },
  { name: 'zsh', use: 'tests', reason: 'runs the completion script that the package ships' },
  { name: 'fish', use: 'tests', reason: 'runs the completion script that the package ships' },
];

/** Docker's own packages: apt would remove them to install docker.io. Where they are, engine 20.10 is unpacked instead. */
export const foreignEngines = ['containerd.io', 'docker-ce'];

/** Service units the packages bring. Those of packages we install are disabled: only the lab and the tests start engines. */
export const services = {
  'docker.io': ['docker.service', 'docker.socket', 'containerd.service'],
  'redis-server': ['redis-server.service'],
  'openssh-server': ['ssh.service', 'ssh.socket'],
  'docker-registry': ['docker-registry.service'],
  'etcd-server': ['etcd.service'],
  prometheus: ['prometheus.service'],
};
