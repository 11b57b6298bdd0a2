import { UsageError } from '../common/errors.ts';
import { isPrintable, printable } from '../common/printable.ts';
import { readTlsFiles, type TlsClientOptions, tlsClientOptions } from '../common/tls-files.ts';

/** Where the servers of a store are, what is ours in it, and who we are there. */
export interface StoreAddress {
  readonly servers: readonly ServerAddress[];
  /** Path below which all keys are, without slashes at its ends; empty for none. */
  readonly prefix: string;
  /** Undefined: plain connections. */
  readonly tls?: TlsClientOptions | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Of Consul. */
  readonly token?: string | undefined;
}

export interface ServerAddress {
  /** Name or address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

const LABELS = { ca: 'kv.cacertfile', cert: 'kv.certfile', key: 'kv.keyfile' };
const MOST_SERVERS = 32;
const MOST_PREFIX_CHARACTERS = 256;
const HOST = /^(?:\[([0-9a-f:.%]+)\]|([a-z0-9_.-]+))(?::(\d{1,5}))?$/i;

/** What differs between the stores. */
export interface StoreKind {
  readonly scheme: string;
  readonly defaultPort: number;
  /** Options beside `kv.path` and those of TLS. */
  readonly credentials: 'user' | 'token';
}

/**
 * Reads `a,b:PORT,c/prefix` and the options `kv.…`. Secrets that options lack are read from the environment, where other users of the host do
 * not see them: `ENXAME_KV_PASSWORD` and `ENXAME_KV_TOKEN`. Throws a {@link UsageError} of one clear line.
 */
export async function readStoreAddress(
  kind: StoreKind,
  rest: string,
  options: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<StoreAddress> {
  assertKnown(kind, options);
  const slash = rest.indexOf('/');
  const [hosts, path] = slash === -1 ? [rest, ''] : [rest.slice(0, slash), rest.slice(slash + 1)];
  const files = { ca: options.get(LABELS.ca), cert: options.get(LABELS.cert), key: options.get(LABELS.key) };
  const isTls = files.ca !== undefined || files.cert !== undefined || files.key !== undefined;
  return {
    servers: serversOf(kind, hosts),
    prefix: pathOf(kind, path),
    ...(isTls ? { tls: tlsClientOptions(await readTlsFiles(files, LABELS)) } : {}),
    ...credentialsOf(kind, options, env),
  };
}

/** `host:port` of a server, as URLs write it. */
export function serverText({ host, port }: ServerAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** A path of keys without slashes at its ends. Throws a {@link UsageError} for what no store has. */
export function pathOf({ scheme }: StoreKind, text: string): string {
  const path = text.replace(/^\/+|\/+$/g, '');
  const isGood =
    path === '' || path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && isPrintable(part));
  if (isGood && path.length <= MOST_PREFIX_CHARACTERS && !/[?#\s]/.test(path)) return path;
  throw bad(scheme, `"${text.slice(0, MOST_PREFIX_CHARACTERS)}" is not a path of keys`);
}

function serversOf({ scheme, defaultPort }: StoreKind, hosts: string): readonly ServerAddress[] {
  // Not shown: what stands before it may be a password.
  if (hosts.includes('@'))
    throw bad(scheme, 'user and password are no part of the address: give kv.username and kv.password');
  const texts = hosts.split(',');
  if (texts.length > MOST_SERVERS) throw bad(scheme, `there are more than ${MOST_SERVERS} servers`);
  return texts.map((text) => {
    const [, inBrackets, name, portText] = HOST.exec(text.trim()) ?? [];
    const host = inBrackets ?? name;
    const port = portText === undefined ? defaultPort : Number(portText);
    if (host === undefined) throw bad(scheme, text === '' ? 'a server’s name is missing' : `"${text}" is not a server`);
    if (port < 1 || port > 65_535) throw bad(scheme, `"${portText}" is not a port (1 to 65535)`);
    return { host: host.toLowerCase(), port };
  });
}

function credentialsOf(
  { credentials }: StoreKind,
  options: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
): Pick<StoreAddress, 'username' | 'password' | 'token'> {
  const username = options.get('kv.username');
  const password = options.get('kv.password') ?? (username === undefined ? undefined : env.ENXAME_KV_PASSWORD);
  if ((username === undefined) !== (password === undefined))
    throw new UsageError(
      'kv.username and kv.password ($ENXAME_KV_PASSWORD) go together: give both or none',
      'BAD_OPTION',
    );
  const token = credentials === 'token' ? options.get('kv.token') || env.ENXAME_KV_TOKEN || undefined : undefined;
  return { username, password, token };
}

function assertKnown({ scheme, credentials }: StoreKind, options: ReadonlyMap<string, string>): void {
  const own = credentials === 'user' ? [] : ['kv.token'];
  const known = ['kv.path', ...Object.values(LABELS), 'kv.username', 'kv.password', ...own];
  for (const key of options.keys()) {
    if (!key.startsWith('kv.') || known.includes(key)) continue;
    throw new UsageError(
      printable(`unknown discovery option "${key}". ${scheme}:// knows ${known.join(', ')}`),
      'BAD_OPTION',
    );
  }
}

function bad(scheme: string, why: string): UsageError {
  const line = `bad address of a store: ${why}. Write it like ${scheme}://10.0.0.1,10.0.0.2,10.0.0.3/prefix`;
  return new UsageError(printable(line), 'BAD_STORE');
}
