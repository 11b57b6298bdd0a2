import type { Command } from 'commander';
import { ClusterError, UsageError } from '../../../common/errors.ts';
import type { AuthorityPaths } from '../../../machine/given-authority.ts';
import type { MachineDeps } from '../../../machine/machine.ts';
import type { CommandContext } from '../../command.ts';

/** Store, keyring and clock for commands on machines, by `--storage-path` and the environment. */
export async function machineContext(command: Command, cli: CommandContext): Promise<MachineDeps> {
  const [{ systemKeyring }, { openStore }, { storagePath }] = await Promise.all([
    import('../../../machine/keyring.ts'),
    import('../../../machine/store.ts'),
    import('../../../machine/storage-path.ts'),
  ]);
  const { storagePath: flag } = command.optsWithGlobals<{ readonly storagePath?: string }>();
  const store = openStore(storagePath(flag, cli.env), cli.clock);
  return { store, env: cli.env, clock: cli.clock, keyring: systemKeyring(process.platform, cli.env) };
}

/** Flags of `enxame machine` itself, as docker-machine had them; each may come from the environment. */
export interface GlobalFlags {
  readonly nativeSsh: boolean;
  readonly authority: AuthorityPaths;
}

/** As the command line and docker-machine's variables say. */
export function globalFlags(command: Command, { env }: Pick<CommandContext, 'env'>): GlobalFlags {
  const flags = command.optsWithGlobals<Readonly<Record<string, string | boolean | undefined>>>();
  const text = (name: string, variable: string): string | undefined => {
    const given = flags[name];
    return typeof given === 'string' ? given : env[variable] || undefined;
  };
  return {
    nativeSsh: flags.nativeSsh === true || /^(1|true|yes)$/i.test(env.MACHINE_NATIVE_SSH ?? ''),
    authority: {
      caCert: text('tlsCaCert', 'MACHINE_TLS_CA_CERT'),
      caKey: text('tlsCaKey', 'MACHINE_TLS_CA_KEY'),
      clientCert: text('tlsClientCert', 'MACHINE_TLS_CLIENT_CERT'),
      clientKey: text('tlsClientKey', 'MACHINE_TLS_CLIENT_KEY'),
    },
  };
}

/** As {@link machineContext}, for commands that create machines: with the authority given for them. */
export async function makingContext(command: Command, cli: CommandContext): Promise<MachineDeps> {
  const context = await machineContext(command, cli);
  const paths = globalFlags(command, cli).authority;
  if (Object.values(paths).every((path) => path === undefined)) return context;
  const { takeAuthority } = await import('../../../machine/given-authority.ts');
  return await cli.interruptible(async (signal) => ({
    ...context,
    authority: await takeAuthority(paths, { ...context, signal }),
  }));
}

/** The machines of a command: those named, each once, or `default`. Throws for a missing one. */
export async function wantedNames(names: readonly string[], { store }: MachineDeps): Promise<readonly string[]> {
  if (names.length > 0) return await checked([...new Set(names)], store);
  if (await store.has('default')) return ['default'];
  throw new UsageError('Error: No machine name(s) specified and no "default" machine exists', 'NO_MACHINE_NAME');
}

/** As {@link wantedNames} for commands about one machine. */
export async function wantedName(name: string | undefined, context: MachineDeps): Promise<string> {
  const [only] = await wantedNames(name === undefined ? [] : [name], context);
  return only ?? 'default';
}

async function checked(names: readonly string[], store: MachineDeps['store']): Promise<readonly string[]> {
  const known = await store.names();
  const missing = names.find((name) => !known.includes(name));
  if (missing === undefined) return names;
  const { noSuchMachine } = await import('../../../machine/errors.ts');
  const { nearest } = await import('../../../common/nearest.ts');
  const near = nearest(missing, known);
  const error = noSuchMachine(missing);
  throw near === undefined ? error : new ClusterError(`${error.message} Did you mean "${near}"?`, error);
}

/** An option's values as a list: `--x a --x b`. An argument parser for commander. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
