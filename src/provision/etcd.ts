import { dirname } from 'node:path';
import type { HostFacts } from './facts.ts';
import { openPort } from './firewall.ts';
import type { InitSystem } from './init/init-system.ts';
import { AGENT_FOLDER, ETCD_FOLDER, ETCD_LAUNCHER } from './init/launcher.ts';
import { familyOf } from './os/families.ts';
import type { OsFamily } from './os/family.ts';
import type { EtcdSpec, Task } from './provisioner.ts';
import { quoted, type Remote } from './remote.ts';
import { runStep, type Step } from './step.ts';
import { upload } from './upload.ts';

/** What its package and its first data need, in bytes. */
const NEEDED_BYTES = 400e6;
const INSTALL_TIMEOUT_MS = 15 * 60_000;

/** Keeps the server running as a service of the machine, installed from the distribution's packages where it is missing. */
export async function keepEtcd(
  { root, init, facts }: { readonly root: Remote; readonly init: InitSystem; readonly facts: HostFacts },
  spec: EtcdSpec,
  task: Task,
): Promise<void> {
  const obtain = obtainFrom(familyOf(facts.os, root.name));
  const isRunning = await runsAlready(root, init, task);
  await runStep(root, prepareEtcd({ folder: ETCD_FOLDER, spec, obtain, isRunning }), task);
  const files = [{ path: ETCD_LAUNCHER, content: etcdLauncher(ETCD_FOLDER, spec), mode: '755' }, ...init.etcd.files];
  let isChanged = false;
  for (const file of files) if (await upload(root, file, task)) isChanged = true;
  for (const port of spec.ports) await runStep(root, openPort(port), task);
  if (isChanged || !isRunning) await runStep(root, { title: 'starting etcd', script: init.etcd.restart }, task);
}

/** Brings its package up to date and restarts it. */
export async function upgradeEtcd(
  { root, init, facts }: { readonly root: Remote; readonly init: InitSystem; readonly facts: HostFacts },
  task: Task,
): Promise<void> {
  const script = `${familyOf(facts.os, root.name).functions}before=$(etcd --version)
renew "$(readlink -f "$(command -v etcd)")"
[ "$before" = "$(etcd --version)" ] || {
${init.etcd.restart}}
`;
  await runStep(root, { title: 'upgrading etcd', script, timeoutMs: INSTALL_TIMEOUT_MS }, task);
}

/** Ends the server and takes it off the machine; its data is laid aside where `keepsData`. The package stays. */
export async function endEtcd(
  { root, init }: { readonly root: Remote; readonly init: InitSystem },
  name: string,
  keepsData: boolean,
  task: Task,
): Promise<void> {
  const files = [ETCD_LAUNCHER, ...init.etcd.files.map(({ path }) => path)].map(quoted).join(' ');
  const script = `if [ -e ${ETCD_LAUNCHER} ]; then
${init.etcd.stop}rm -f ${files}
fi
rmdir ${AGENT_FOLDER} 2>/dev/null || :
${leaveData(ETCD_FOLDER, name, keepsData)}`;
  await runStep(root, { title: 'removing etcd', script }, task);
}

/** The function `obtain`, with the functions of a family of systems that it takes. */
export function obtainFrom({ functions, etcd }: Pick<OsFamily, 'functions' | 'etcd'>): string {
  return `${functions}obtain() {
say 'installing etcd'
${etcd.trimEnd()}
}
`;
}

async function runsAlready(root: Remote, init: InitSystem, task: Task): Promise<boolean> {
  const script = `if ${init.etcd.isRunning}; then echo yes; fi\n`;
  return (await runStep(root, { title: 'looking for etcd', script }, task)).includes('yes');
}

/** What stands before a server is started: etcd is there, new enough, has room, its folder is ours, and nothing else has its ports. */
export function prepareEtcd(options: {
  readonly folder: string;
  readonly spec: EtcdSpec;
  /** Defines the function `obtain`, which is called where there is no etcd. */
  readonly obtain: string;
  readonly isRunning: boolean;
}): Step {
  const { folder, spec, obtain, isRunning } = options;
  const data = `${folder}/${spec.name}`;
  const script = `${obtain}fail() { echo "$*"; exit 1; }
folder=${quoted(folder)} data=${quoted(data)}
if [ -d "$folder" ] && ! [ -e "$folder/.enxame" ] && [ -n "$(ls -A "$folder")" ]; then
  fail "$folder has data that is not of this program, and stays as it is: move it away, then repeat"
fi
mkdir -p ${quoted(dirname(folder))}
free=$(df -Pk ${quoted(dirname(folder))} | awk 'NR == 2 { print $4 }')
if ! [ -d "$data" ] && [ "$free" -lt ${Math.floor(NEEDED_BYTES / 1024)} ]; then
  fail "No space left on device: $((free / 1024)) MB are free below ${dirname(folder)}, and etcd needs ${NEEDED_BYTES / 1e6} MB"
fi
${isRunning ? '' : spec.ports.map(portCheck).join('')}command -v etcd >/dev/null || obtain
version=$(etcd --version | sed -n 's/^etcd Version: *//p')
case "$version" in
3.[4-9]* | 3.[1-9][0-9]* | [4-9].*) ;;
*) fail "etcd $version is too old: 3.4 or newer is needed. Use --swarm-discovery etcd://… with a store of your own" ;;
esac
mkdir -p "$folder"
chmod 700 "$folder"
: >"$folder/.enxame"
mkdir -p "$data"
chmod 700 "$data"
${spec.isFounder ? '[ -d "$data/etcd/member" ] || : >"$data/found"\n' : ''}`;
  return { title: 'preparing etcd', script, timeoutMs: INSTALL_TIMEOUT_MS };
}

/** As the kernel lists them: state 0A listens. */
function portCheck(port: number): string {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return `if grep -qsE '^ *[0-9]+: [0-9A-F]+:${hex} [0-9A-F]+:0000 0A ' /proc/net/tcp /proc/net/tcp6; then
  fail "TCP port ${port} is taken by another program, maybe an etcd of its own: end that, or use it as the store by --swarm-discovery etcd://…"
fi
`;
}

/**
 * What is started. A server begins a store of its own only where it was told to, once: one that lost its data must not take itself for the
 * whole store.
 */
export function etcdLauncher(folder: string, { name, flags, edition }: EtcdSpec): string {
  const data = `${folder}/${name}`;
  return `#!/bin/sh
# Written by enxame, which replaces it: runs this machine's server of the store that managers share. ${edition}
set -e
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
data=${quoted(data)} state=existing
if [ -e "$data/found" ]; then
  if [ -d "$data/etcd/member" ]; then rm -f "$data/found"; else state=new; fi
fi
# etcd 3.4 starts there only when asked to.
case "$(uname -m)" in aarch64) export ETCD_UNSUPPORTED_ARCH=arm64 ;; esac
exec etcd --name ${quoted(name)} --data-dir "$data/etcd" --initial-cluster-state $state ${flags.map(quoted).join(' ')}
`;
}

/** Data of a server that is no part of the store any more is of no use; that of the last one is the store. */
export function leaveData(folder: string, name: string, keepsData: boolean): string {
  const data = quoted(`${folder}/${name}`);
  const leave = keepsData ? `mv ${data} ${data}-left-$(date -u +%Y%m%dT%H%M%SZ)` : `rm -rf ${data}`;
  return `if [ -d ${data} ]; then ${leave}; fi
if [ -d ${quoted(folder)} ] && [ "$(ls -A ${quoted(folder)})" = .enxame ]; then rm -rf ${quoted(folder)}; fi
`;
}
