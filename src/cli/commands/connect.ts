import { join } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../../common/errors.ts';
import { parseListenAddress } from '../../common/listen-address.ts';
import { type Entry, parseEntry } from '../../discovery/entry.ts';
import { connectorFor } from '../../engine/connectors/connectors.ts';
import { LocalDoor } from '../../replication/local-door.ts';
import type { CommandContext } from '../command.ts';
import { asUsage } from '../discovery-options.ts';
import { addEngineFlags, type EngineFlags, readEngineFlags } from '../engine-flags.ts';

interface Flags extends EngineFlags {
  readonly listen?: string;
}

const EXAMPLES = `
Examples:
  $ enxame connect --tlsverify --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem 10.0.0.1:3376,10.0.0.2:3376,10.0.0.3:3376
  $ docker -H unix:///run/enxame.sock ps           # whichever manager is alive
  $ eval "$(enxame machine env --swarm queen)" && enxame connect     # of machines: managers and certificates from the environment

A cluster with several managers has several addresses. This command gives a host one: a socket for its owner and group, from which each
connection goes to a manager that answers, with the certificate of the command line.`;

const MOST_MANAGERS = 32;

/** `enxame connect`: a local socket that leads to the manager that is alive. */
export function configure(command: Command, context: CommandContext): void {
  addEngineFlags(
    command
      .argument('[managers]', 'addresses of the managers, host:port,host:port ($ENXAME_MANAGERS)')
      .option('--listen <socket>', `socket to listen on (default: ${DEFAULT})`),
  )
    .addHelpText('after', EXAMPLES)
    .action((managers: string | undefined, flags: Flags) => connect(managers, flags, context));
}

const DEFAULT = 'unix:///run/enxame.sock, or enxame.sock in $XDG_RUNTIME_DIR';

async function connect(given: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const managers = given || context.env.ENXAME_MANAGERS;
  if (!managers)
    throw new UsageError('the managers are missing: write their addresses, as in 10.0.0.1:3376,10.0.0.2:3376');
  const tls = await readEngineFlags({ ...filesOf(context.env), ...flags });
  const entries = managers.split(',').map((text) => parseManager(text.trim()));
  if (entries.length > MOST_MANAGERS) throw new UsageError(`connect takes at most ${MOST_MANAGERS} managers`);
  const address = parseListenAddress(flags.listen ?? defaultSocket(context.env));
  // A port would let every user and web page of the host in with the certificate.
  if (address.kind !== 'unix')
    throw new UsageError(`--listen takes a socket, as in unix:///run/enxame.sock, not "${flags.listen}"`);
  const logger = await context.logger();
  const door = new LocalDoor({
    managers: await Promise.all(entries.map((entry) => connectorFor(entry, { tls }))),
    logger,
  });
  const { text } = await door.listen(address, '--listen');
  const stop = context.stopSignal();
  context.out(`Docker endpoint at ${text}\n`);
  if (!stop.aborted)
    await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
  await door.close();
}

/** Certificates where `docker` has them, as `enxame machine env` says. */
function filesOf({ DOCKER_TLS_VERIFY: verifies, DOCKER_CERT_PATH: folder }: CommandContext['env']): EngineFlags {
  if (!verifies || !folder) return {};
  const file = (name: string): string => join(folder, name);
  return { tlsverify: true, tlscacert: file('ca.pem'), tlscert: file('cert.pem'), tlskey: file('key.pem') };
}

function parseManager(text: string): Entry {
  const entry = readEntry(text);
  if (['auto', 'tcp', 'tls'].includes(entry.scheme)) return entry;
  throw new UsageError(`"${text}" is not the address of a manager: write it like 10.0.0.1:3376`);
}

function readEntry(text: string): Entry {
  try {
    return parseEntry(text);
  } catch (error) {
    throw asUsage(error);
  }
}

function defaultSocket({ XDG_RUNTIME_DIR: folder }: CommandContext['env']): string {
  return `unix://${join(folder || '/run', 'enxame.sock')}`;
}
