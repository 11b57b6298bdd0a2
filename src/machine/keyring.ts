import { spawn } from 'node:child_process';
import { z } from 'zod';
import { DriverError } from '../common/errors.ts';
import type { OptionValue } from '../drivers/options.ts';

/** Values by flag. */
type Secrets = Readonly<Record<string, OptionValue>>;

/** Where the operating system keeps secrets for the person who is logged in. */
export interface Keyring {
  /** Rejects when it is locked or not there. */
  set(machineId: string, secrets: Secrets): Promise<void>;
  get(machineId: string): Promise<Secrets>;
  /** Nothing to remove is no error. */
  remove(machineId: string): Promise<void>;
}

const SERVICE = 'enxame machine';
const WITHIN_MS = 30_000;

const secretValues = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.array(z.string()).readonly()]),
);

/** The system's keyring: the Secret Service on Linux (`secret-tool`), the keychain on macOS. Undefined elsewhere. */
export function systemKeyring(
  platform: NodeJS.Platform,
  env: Readonly<Record<string, string | undefined>>,
): Keyring | undefined {
  if (platform === 'linux' && env.DBUS_SESSION_BUS_ADDRESS) return secretService(env);
  if (platform === 'darwin') return keychain(env);
  return undefined;
}

/** Secrets go in by standard input: arguments can be read by every process. */
function secretService(env: Readonly<Record<string, string | undefined>>): Keyring {
  const attributes = (id: string): string[] => ['service', SERVICE, 'machine', id];
  return {
    set: async (id, secrets) => {
      await run('secret-tool', ['store', `--label=${SERVICE}`, ...attributes(id)], encode(secrets), env);
    },
    get: async (id) => decode(await run('secret-tool', ['lookup', ...attributes(id)], '', env)),
    remove: async (id) => {
      await run('secret-tool', ['clear', ...attributes(id)], '', env).catch(() => undefined);
    },
  };
}

/** `security -i` takes commands from standard input. */
function keychain(env: Readonly<Record<string, string | undefined>>): Keyring {
  return {
    set: async (id, secrets) => {
      await run(
        'security',
        ['-i'],
        `add-generic-password -U -a "${id}" -s "${SERVICE}" -w "${encode(secrets)}"\n`,
        env,
      );
    },
    get: async (id) => decode(await run('security', ['find-generic-password', '-a', id, '-s', SERVICE, '-w'], '', env)),
    remove: async (id) => {
      await run('security', ['delete-generic-password', '-a', id, '-s', SERVICE], '', env).catch(() => undefined);
    },
  };
}

function encode(secrets: Secrets): string {
  return Buffer.from(JSON.stringify(secrets)).toString('base64');
}

function decode(text: string): Secrets {
  const result = secretValues.safeParse(parsed(text));
  if (result.success) return result.data;
  throw new DriverError(
    'the keyring does not have the credentials of that machine (any more): give them by flag or environment',
    'NO_CREDENTIALS',
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text.trim(), 'base64').toString());
  } catch {
    return undefined;
  }
}

function run(
  program: string,
  args: readonly string[],
  input: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'], timeout: WITHIN_MS });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    // It may end without reading; its exit code tells.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', (error) => reject(new DriverError(`${program}: ${error.message}`, 'NO_KEYRING', error)));
    child.once('close', (code) => {
      if (code === 0) resolve(out);
      else
        reject(new DriverError(`${program}: ${err.trim().split('\n').at(-1) || `exit status ${code}`}`, 'NO_KEYRING'));
    });
  });
}
