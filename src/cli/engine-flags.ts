import type { Command } from 'commander';
import { readTlsFiles, type TlsMaterial } from '../common/tls-files.ts';

/** Flags that say how a command reaches engines. */
export interface EngineFlags {
  readonly tls?: boolean;
  readonly tlsverify?: boolean;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
}

/** TLS towards engines; undefined when no file was named. */
export type EngineTlsOptions = TlsMaterial & { readonly verify: boolean };

/** Adds the flags of {@link EngineFlags} to a command that only reaches engines. */
export function addEngineFlags(command: Command): Command {
  return command
    .option('--tls', 'use TLS without verifying the engines')
    .option('--tlsverify', 'use TLS and verify the engines')
    .option('--tlscacert <file>', 'certificate authority of the engines')
    .option('--tlscert <file>', 'client certificate')
    .option('--tlskey <file>', 'key of the certificate');
}

/** What the flags say, files read and checked. */
export async function readEngineFlags(flags: EngineFlags): Promise<EngineTlsOptions | undefined> {
  return engineTls(flags, await readTlsFiles({ ca: flags.tlscacert, cert: flags.tlscert, key: flags.tlskey }));
}

/** The same of files read before. */
export function engineTls(flags: EngineFlags, material: TlsMaterial): EngineTlsOptions | undefined {
  if (material.cert === undefined && material.ca === undefined) return undefined;
  return { ...material, verify: flags.tlsverify === true || !flags.tls };
}
