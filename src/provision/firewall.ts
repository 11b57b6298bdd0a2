import type { Step } from './step.ts';

/** Lets a TCP port through the machine's own firewall, where one is active. Nothing else is opened. */
export function openPort(port: number): Step {
  return {
    title: `opening TCP port ${port}`,
    script: `if command -v ufw >/dev/null && ufw status 2>/dev/null | grep -q '^Status: active'; then
  ufw status | grep -qE '^${port}/tcp +ALLOW' || ufw allow ${port}/tcp >/dev/null
fi
if command -v firewall-cmd >/dev/null && firewall-cmd --state >/dev/null 2>&1; then
  firewall-cmd -q --query-port=${port}/tcp || firewall-cmd -q --add-port=${port}/tcp
  firewall-cmd -q --permanent --query-port=${port}/tcp || firewall-cmd -q --permanent --add-port=${port}/tcp
fi
`,
  };
}
