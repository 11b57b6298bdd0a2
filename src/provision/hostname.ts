import { quoted } from './remote.ts';
import type { Step } from './step.ts';

/** Gives the machine its name, also after the next start, and lets it find itself by it. */
export function setHostname(name: string): Step {
  const word = quoted(name);
  return {
    title: 'setting the host name',
    script: `name=${word}
if [ "$(cat /etc/hostname 2>/dev/null)" != "$name" ] || [ "$(cat /proc/sys/kernel/hostname)" != "$name" ]; then
  if [ -d /run/systemd/system ] && command -v hostnamectl >/dev/null && hostnamectl set-hostname "$name" 2>/dev/null; then :
  else
    echo "$name" >/etc/hostname
    hostname "$name"
  fi
fi
grep -qE "^[^#]*[[:space:]]$name([[:space:]]|$)" /etc/hosts || echo "127.0.1.1 $name" >>/etc/hosts
`,
  };
}
