import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { reasonOf, UsageError } from '../../common/errors.ts';
import { parseEntry } from '../../discovery/entry.ts';
import { EngineClient } from '../../engine/client.ts';
import type { Connector } from '../../engine/connectors/connector.ts';
import { tlsConnector } from '../../engine/connectors/socket.ts';
import { sshConnector } from '../../engine/connectors/ssh.ts';
import { isTlsFailure } from '../../engine/tls-failure.ts';
import { isPair } from '../../pki/certificate.ts';
import type { SshEnvironment } from '../../ssh/files.ts';
import type { ClientCertificates } from '../driver.ts';
import { DriverError } from '../errors.ts';

const ANSWER_WITHIN_MS = 15_000;
const OPEN_WITHIN_MS = 5_000;

/** Whether something listens there. */
export function isOpen(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = connect({ host, port, timeout: OPEN_WITHIN_MS });
    const onAbort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    const finish = (answer: boolean): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(answer);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => finish(true));
    socket.once('timeout', () => finish(false));
    socket.on('error', () => finish(false));
  });
}

/** Resolves when an engine answers at `url` (`tcp://` with certificates, or `ssh://`). Changes nothing there. */
export async function checkEngine(
  url: string,
  certificates: ClientCertificates | undefined,
  options: { readonly environment: SshEnvironment; readonly signal: AbortSignal },
): Promise<void> {
  const client = new EngineClient(connectorFor(url, certificates, options.environment), { connections: 1 });
  const request = { method: 'GET', path: '/version', isUnversioned: true, timeoutMs: ANSWER_WITHIN_MS } as const;
  try {
    await client.json({ ...request, signal: options.signal });
  } catch (error) {
    options.signal.throwIfAborted();
    if (isTlsFailure(error)) {
      const next = 'Give --cert-path the folder with the ca.pem, cert.pem and key.pem of that very engine';
      throw new DriverError(
        `the engine at ${url} does not take these certificates: ${reasonOf(error)}. ${next}`,
        'ENGINE_TLS',
        error,
      );
    }
    const next = 'Start an engine there first, or leave --adopt out to have one installed';
    throw new DriverError(`no engine to adopt at ${url}: ${reasonOf(error)}. ${next}`, 'NO_ENGINE', error);
  } finally {
    await client.close();
  }
}

function connectorFor(
  url: string,
  certificates: ClientCertificates | undefined,
  environment: SshEnvironment,
): Connector {
  const entry = parseEntry(url);
  if (entry.scheme === 'ssh') return sshConnector(entry, { environment });
  if (entry.scheme === 'tcp' && certificates !== undefined)
    return tlsConnector(entry.host, entry.port, { ...certificates, verify: true });
  throw new UsageError(`${url} cannot be adopted without certificates: give --cert-path`);
}

/** Reads a folder like DOCKER_CERT_PATH. Throws a UsageError that names the file. */
export async function readClientCertificates(folder: string): Promise<ClientCertificates> {
  const read = (name: string): Promise<string> =>
    readFile(join(folder, name), 'utf8').catch((error: unknown) => {
      throw new UsageError(`--cert-path is a folder like DOCKER_CERT_PATH: ${reasonOf(error)}`);
    });
  const [ca, cert, key] = await Promise.all([read('ca.pem'), read('cert.pem'), read('key.pem')]);
  if (!isPair({ cert, key })) throw new UsageError(`${folder}: key.pem is not the key of cert.pem`);
  return { ca, cert, key };
}
