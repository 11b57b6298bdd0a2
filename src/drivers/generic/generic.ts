import { type DriverModule, defineDriver } from '../driver.ts';
import { GenericDriver } from './generic-driver.ts';
import { loginNeed } from './login-need.ts';

/** A host that exists already, set up over SSH, or (`--adopt`) only used. */
export const driver: DriverModule = defineDriver({
  name: 'generic',
  summary: 'a host that exists already, over SSH; with --adopt its engine as it is',
  options: [
    {
      flag: 'generic-ip-address',
      type: 'string',
      help: 'address of the host: IP or name',
      env: ['GENERIC_IP_ADDRESS'],
      isRequired: true,
      isAddress: true,
      problem: (value) => (/^[\w.:-]+$/.test(String(value)) ? undefined : 'is neither an IP address nor a name'),
    },
    {
      flag: 'generic-engine-port',
      type: 'number',
      help: "TCP port of the engine's API",
      env: ['GENERIC_ENGINE_PORT'],
      default: 2376,
      problem: portProblem,
    },
    { flag: 'generic-ssh-user', type: 'string', help: 'user to log in as', env: ['GENERIC_SSH_USER'], default: 'root' },
    {
      flag: 'generic-ssh-key',
      type: 'string',
      help: 'private key file to log in with; a copy is kept with the machine (default: your agent and usual keys)',
      env: ['GENERIC_SSH_KEY'],
      isTransient: true,
    },
    {
      flag: 'generic-ssh-port',
      type: 'number',
      help: 'TCP port of its sshd',
      env: ['GENERIC_SSH_PORT'],
      default: 22,
      problem: portProblem,
    },
    {
      flag: 'generic-set-hostname',
      type: 'boolean',
      help: "give the host the machine's name (default: it keeps its own)",
    },
    {
      flag: 'adopt',
      type: 'boolean',
      help: 'take the engine that runs there as it is: nothing is installed, changed, renamed or restarted',
    },
    {
      flag: 'cert-path',
      type: 'string',
      isTransient: true,
      help: 'with --adopt: folder with the ca.pem, cert.pem and key.pem for that engine (default: it is used through SSH)',
    },
  ],
  needs: async (env) => [await loginNeed(env)],
  open: (context) => new GenericDriver(context),
});

function portProblem(value: string | number): string | undefined {
  const port = Number(value);
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? undefined : 'is not a port between 1 and 65535';
}
