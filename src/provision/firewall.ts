import type { Step } from './step.ts';

/** Lets a port through the machine's own firewall, where one is active. Nothing else is opened. */
export function openPort(port: number, protocol: 'tcp' | 'udp' = 'tcp'): Step {
  return {
    title: `opening ${protocol.toUpperCase()} port ${port}`,
    script: `if command -v ufw >/dev/null && ufw status 2>/dev/null | grep -q '^Status: active'; then
  ufw status | grep -qE '^${port}/${protocol} +ALLOW' || ufw allow ${port}/${protocol} >/dev/null
fi
if command -v firewall-cmd >/dev/null && firewall-cmd --state >/dev/null 2>&1; then
  firewall-cmd -q --query-port=${port}/${protocol} || firewall-cmd -q --add-port=${port}/${protocol}
  firewall-cmd -q --permanent --query-port=${port}/${protocol} || firewall-cmd -q --permanent --add-port=${port}/${protocol}
fi
`,
  };
}
