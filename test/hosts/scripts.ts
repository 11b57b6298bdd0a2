/**
 * Puts this shell into control groups of its own, below `$group`, in every hierarchy: systemd in two hosts must not share one.
 * A cpuset is empty until it is told its processors.
 */
const OWN_GROUPS = `for h in /sys/fs/cgroup/*/; do
  [ -e "$h/cgroup.procs" ] || continue
  path=$h
  for part in $(echo "$group" | tr / ' '); do
    path=$path/$part
    mkdir -p "$path"
    if [ -e "$path/cpuset.cpus" ] && [ -z "$(cat "$path/cpuset.cpus")" ]; then
      cat "$path/../cpuset.cpus" >"$path/cpuset.cpus"
      cat "$path/../cpuset.mems" >"$path/cpuset.mems"
    fi
    [ ! -e "$path/cgroup.clone_children" ] || echo 1 >"$path/cgroup.clone_children" 2>/dev/null || :
  done
  echo $$ >"$path/cgroup.procs"
done
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  path=/sys/fs/cgroup
  for part in $(echo "$group" | tr / ' '); do
    sed 's/[^ ]*/+&/g' "$path/cgroup.controllers" >"$path/cgroup.subtree_control" 2>/dev/null || :
    path=$path/$part
    mkdir -p "$path"
  done
  echo $$ >"$path/cgroup.procs"
fi
`;

/** The root: changes go to the host's own folder; engines keep their data on a real disk, not on an overlay. */
const ROOT = `mkdir -p "$dir/upper" "$dir/work" "$dir/root" "$dir/docker" "$dir/containerd"
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
`;

/** Arguments: name, folder, tree, namespace, control group, nspawn, its libraries. systemd is the host's first process. */
export const SYSTEMD_HOST: string = `set -e
name=$1 dir=$2 tree=$3 space=$4 group=$5
${OWN_GROUPS}${ROOT}
unified=0
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || unified=1
export LD_LIBRARY_PATH="$7" UNIFIED_CGROUP_HIERARCHY=$unified SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=$unified
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 SYSTEMD_SECCOMP=0
exec "$6" --quiet --register=no --keep-unit --boot --directory="$dir/root" --machine="$name" \\
  --network-namespace-path="/run/netns/$space" --resolv-conf=off --timezone=off --link-journal=no \\
  --capability=all --system-call-filter='@keyring bpf' --console=pipe \\
  --bind="$dir/docker:/var/lib/docker" --bind="$dir/containerd:/var/lib/containerd" \\
  --property=DeviceAllow='char-* rwm' systemd.unified_cgroup_hierarchy=$unified
`;

/** nspawn leaves the control groups read-only; an engine makes its own in them. */
export const WRITABLE_GROUPS: string = `for h in /sys/fs/cgroup /sys/fs/cgroup/*; do
  ! mountpoint -q "$h" || mount -o remount,rw,bind "$h"
done
`;

/** Arguments: name, folder, tree, namespace, control group. Becomes the host's first process, without any init system. */
export const PLAIN_HOST: string = `set -e
name=$1 dir=$2 tree=$3 group=$5
${OWN_GROUPS}${ROOT}
mkdir -p "$dir/root/var/lib/docker" "$dir/root/var/lib/containerd"
mount --bind "$dir/docker" "$dir/root/var/lib/docker"
mount --bind "$dir/containerd" "$dir/root/var/lib/containerd"
cp "$dir/init" "$dir/root/sbin/test-init"
chmod 755 "$dir/root/sbin/test-init"
exec unshare --uts --ipc --pid --cgroup --fork --kill-child=KILL sh -ec '
  cd "$1"
  mount --rbind "$1" "$1"
  cd "$1"
  mkdir -p .old
  pivot_root . .old
  exec chroot . /sbin/test-init "$2"' sh "$dir/root" "$name"
`;

/** First process of a host without an init system: the kernel's file systems, sshd, and a shell that reaps. */
export const PLAIN_INIT: string = `#!/bin/sh
set -e
hostname "$1"
mount -t proc proc /proc
mount -t sysfs sysfs /sys
umount -l /.old
rmdir /.old
mount -t tmpfs tmpfs /run
mount -t tmpfs -o mode=755 dev /dev
mkdir /dev/pts /dev/shm
for n in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do
  set -- $n
  mknod -m 666 "/dev/$1" c "$2" "$3"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts /dev/pts
ln -s pts/ptmx /dev/ptmx
mount -t tmpfs shm /dev/shm
ln -s /proc/self/fd /dev/fd
if grep -q '^0::' /proc/self/cgroup && [ "$(wc -l </proc/self/cgroup)" = 1 ]; then
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
else
  mount -t tmpfs cgroup /sys/fs/cgroup
  while IFS=: read -r number controllers path; do
    case $controllers in
    '') continue ;;
    name=*) options=none,$controllers folder=\${controllers#name=} ;;
    *) options=$controllers folder=$controllers ;;
    esac
    mkdir -p "/sys/fs/cgroup/$folder"
    mount -t cgroup -o "$options" cgroup "/sys/fs/cgroup/$folder" 2>/dev/null || rmdir "/sys/fs/cgroup/$folder"
  done </proc/self/cgroup
fi
mkdir -p /run/sshd /run/lock
/usr/sbin/sshd
set +e
while :; do sleep 1000 & wait; done
`;
