import { request as plainRequest, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ClusterError, reasonOf, UsageError } from '../common/errors.ts';
import { readTlsFiles, type TlsMaterial } from '../common/tls-files.ts';
import { VERSION } from '../common/version.ts';
import type { CommandContext } from './command.ts';
import { contextEndpoint } from './docker-endpoint.ts';
import type { Io } from './io.ts';

/** Docker's flags for the address of the manager. */
export interface ManagerFlags {
  readonly host?: string;
  readonly context?: string;
  readonly tls?: boolean;
  readonly tlsverify?: boolean;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
}

/** Where `enxame manage` listens by default. */
const DEFAULT_HOST = 'tcp://127.0.0.1:2375';
const TIMEOUT_MS = 30_000;
/** The listing of some hundred thousand containers; more is no manager's answer. */
const MAX_ANSWER_BYTES = 1024 ** 3;

/** Help of the commands that ask a running manager. */
export const MANAGER_HELP: string = `
The address is the first of -H, --context, $DOCKER_HOST, $DOCKER_CONTEXT, the choice of 'docker context use', and
${DEFAULT_HOST}. Certificates come from the context; without one from the flags, or from $DOCKER_CERT_PATH (ca.pem, cert.pem,
key.pem) with $DOCKER_TLS_VERIFY.`;

/** Adds the flags of {@link ManagerFlags}. */
export function addManagerFlags(command: Command): Command {
  return command
    .option('-H, --host <address>', 'address of the manager ($DOCKER_HOST)')
    .option('--context <name>', 'docker context of the manager ($DOCKER_CONTEXT)')
    .option('--tls', 'use TLS without verifying the manager')
    .option('--tlsverify', 'use TLS and verify the manager ($DOCKER_TLS_VERIFY)')
    .option('--tlscacert <file>', 'certificate authority of the manager')
    .option('--tlscert <file>', 'client certificate')
    .option('--tlskey <file>', 'key of the certificate');
}

/** Asks one manager. */
export interface ManagerClient {
  /** Its address, for messages. */
  readonly address: string;
  /** The JSON it answers to `GET path`. Throws a {@link ClusterError} of one line that says what to do. */
  get<T>(path: string, signal: AbortSignal): Promise<T>;
  /** `POST path` with a JSON body. Throws as {@link get} does. */
  post(path: string, body: unknown, signal: AbortSignal): Promise<void>;
  /** `DELETE path`. Throws as {@link get} does. */
  delete(path: string, signal: AbortSignal): Promise<void>;
}

/** The client for what flags and environment say. Throws a {@link UsageError} when they cannot be used. */
export async function managerClient(flags: ManagerFlags, context: Pick<CommandContext, 'env'>): Promise<ManagerClient> {
  const { address, place, material } = await targetOf(flags, context.env);
  const options: RequestOptions & TlsMaterial = {
    ...place,
    ...material,
    ...(material ? { rejectUnauthorized: material.verify } : {}),
    agent: false,
    headers: { 'User-Agent': `enxame/${VERSION}`, Accept: 'application/json' },
  };
  return {
    address,
    get: async <T>(path: string, signal: AbortSignal) =>
      parse<T>(await exchange(options, path, address, material !== undefined, signal), address, path),
    post: async (path, body, signal) => {
      const headers = { ...options.headers, 'Content-Type': 'application/json' };
      const call = { ...options, method: 'POST', headers };
      const answer = await exchange(call, path, address, material !== undefined, signal, JSON.stringify(body));
      if (answer.statusCode >= 400) parse(answer, address, path);
    },
    delete: async (path, signal) => {
      const deletion = { ...options, method: 'DELETE' };
      const answer = await exchange(deletion, path, address, material !== undefined, signal);
      if (answer.statusCode >= 400) parse(answer, address, path);
    },
  };
}

interface Target {
  readonly address: string;
  readonly place: RequestOptions;
  readonly material: (TlsMaterial & { readonly verify: boolean }) | undefined;
}

/** In docker's order; the source of the address (-H, a context) is the source of the certificates too. */
async function targetOf(flags: ManagerFlags, env: Io['env']): Promise<Target> {
  if (flags.host && flags.context) throw new UsageError('-H and --context exclude each other');
  const isContext = Boolean(flags.context) || (!flags.host && !env.DOCKER_HOST);
  const endpoint = isContext ? await contextEndpoint(flags.context, env) : undefined;
  if (endpoint === undefined) {
    const address = flags.host || env.DOCKER_HOST || DEFAULT_HOST;
    return { address, place: placeOf(address), material: await tlsOf(flags, env, /^https:/i.test(address)) };
  }
  const { context, host, tls, skipsVerification } = endpoint;
  const isTls = tls !== undefined || skipsVerification || /^https:/i.test(host);
  return {
    address: host,
    place: placeOf(host, ` (docker's context "${context}")`),
    material: isTls && !host.startsWith('unix:') ? { ...tls, verify: !skipsVerification } : undefined,
  };
}

function placeOf(address: string, source: string = ''): RequestOptions {
  if (address.startsWith('unix://') && address.length > 'unix://'.length) return { socketPath: address.slice(7) };
  const match = /^(?:(?:tcp|https?):\/\/)?(?:\[([^\]]+)\]|([^:/[\]]*)):(\d{1,5})\/?$/i.exec(address);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65_535) {
    throw new UsageError(
      `"${address}"${source} is not the address of a manager. Write tcp://10.0.0.1:3376, 10.0.0.1:3376 or unix:///run/enxame.sock`,
      'BAD_ADDRESS',
    );
  }
  return { host: match[1] ?? (match[2] || '127.0.0.1'), port };
}

/** As docker does: any of the flags or the environment asks for TLS, and files not named are looked for in one folder. */
async function tlsOf(
  flags: ManagerFlags,
  env: Io['env'],
  isHttps: boolean,
): Promise<(TlsMaterial & { readonly verify: boolean }) | undefined> {
  const isVerified = flags.tlsverify ?? Boolean(env.DOCKER_TLS_VERIFY);
  const isNamed = flags.tlscacert !== undefined || flags.tlscert !== undefined || flags.tlskey !== undefined;
  if (!isVerified && !flags.tls && !isNamed && !isHttps) return undefined;
  const folder = env.DOCKER_CERT_PATH || join(env.HOME || homedir(), '.docker');
  const isFolderUsed = isVerified && !isNamed;
  const material = await readTlsFiles({
    ca: flags.tlscacert ?? (isFolderUsed ? join(folder, 'ca.pem') : undefined),
    cert: flags.tlscert ?? (isFolderUsed ? join(folder, 'cert.pem') : undefined),
    key: flags.tlskey ?? (isFolderUsed ? join(folder, 'key.pem') : undefined),
  });
  return { ...material, verify: isVerified || !flags.tls };
}

interface Answer {
  readonly statusCode: number;
  readonly body: string;
}

function exchange(
  options: RequestOptions,
  path: string,
  address: string,
  isTls: boolean,
  signal: AbortSignal,
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(explain(error, address, isTls));
    const request = (isTls ? tlsRequest : plainRequest)({ ...options, path, signal, timeout: TIMEOUT_MS });
    request.once('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    request.on('error', fail);
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', fail);
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) response.destroy(new Error('the answer is larger than 1 GiB'));
      });
      response.once('end', () =>
        resolve({ statusCode: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
      response.once('close', () => fail(new Error('the connection was closed before the end of the answer')));
    });
    request.end(body);
  });
}

function parse<T>({ statusCode, body }: Answer, address: string, path: string): T {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    const seen = body.trim().slice(0, 80);
    throw failure(`${address} does not answer like a manager (${statusCode}: ${JSON.stringify(seen)})`, error);
  }
  if (statusCode < 400) return value as T;
  const message = (value as { readonly message?: unknown }).message;
  throw failure(`${address} refused ${path.split('?')[0]}: ${typeof message === 'string' ? message : statusCode}`);
}

const NOBODY: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);

function explain(error: unknown, address: string, isTls: boolean): ClusterError {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (NOBODY.has(code)) {
    return failure(
      `no manager answers at ${address} (${code}). Start one with 'enxame manage DISCOVERY', or give its address with -H or $DOCKER_HOST`,
      error,
    );
  }
  if (isTls && /WRONG_VERSION|PACKET_LENGTH|EPROTO/.test(code))
    return failure(`${address} does not speak TLS. Leave out --tlsverify, or give the manager's TLS address`, error);
  if (!isTls && (code === 'ECONNRESET' || code.startsWith('HPE_')))
    return failure(`${address} does not speak plain HTTP. Does it want TLS? Try --tlsverify`, error);
  if (/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME|SSL|TLS/.test(code))
    return failure(
      `TLS with ${address}: ${reasonOf(error)}. Check --tlscacert, --tlscert and --tlskey, or $DOCKER_CERT_PATH`,
      error,
    );
  return failure(`ask ${address}: ${reasonOf(error)}`, error);
}

function failure(message: string, cause?: unknown): ClusterError {
  return new ClusterError(message, { code: 'MANAGER', status: 502, cause });
}
