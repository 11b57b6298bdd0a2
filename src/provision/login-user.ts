import type { Step } from './step.ts';

/** Lets the user who logs in, who may become root already, use the engine's own socket: through SSH there is no other way to it. */
export const letLoginUserIn: Step = {
  title: 'letting its user use the engine',
  script: `user=\${SUDO_USER:-\${DOAS_USER:-root}}
if [ "$user" != root ]; then
  grep -q '^docker:' /etc/group || groupadd -r docker 2>/dev/null || addgroup -S docker
  id -nG "$user" | tr ' ' '\\n' | grep -qx docker || usermod -aG docker "$user" 2>/dev/null || addgroup "$user" docker
fi
`,
};
