import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { type Clock, systemClock } from '../common/clock.ts';
import { DriverError, reasonOf } from '../common/errors.ts';
import { retry } from '../common/retry.ts';
import type { ServerCertificates, Task } from './provisioner.ts';

const ATTEMPT_MS = 5_000;
const WAIT_MS = 30_000;
const PAUSE_MS = 300;

/**
 * Resolves when the server at `url` (`tcp://host:port`) shows that certificate and it is good for that address. We hold no
 * client certificate here: in TLS 1.3 the server's is seen before ours is asked for.
 */
export async function waitUntilServed(
  url: string,
  certificates: ServerCertificates,
  task: Task,
  clock: Clock = systemClock,
): Promise<void> {
  const { signal } = task;
  const ask = (): Promise<void> => attempt(new URL(url), certificates, clock, signal);
  try {
    await retry(clock, ask, { backoff: PAUSE_MS, deadline: clock.now() + WAIT_MS, signal });
  } catch (problem) {
    signal.throwIfAborted();
    throw notServed(url, problem);
  }
}

function notServed(url: string, cause: unknown): DriverError {
  const reason = reasonOf(cause);
  const { port } = new URL(url);
  if (/ECONNREFUSED|no answer|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/.test(reason))
    return new DriverError(
      `the engine runs but ${url} cannot be reached from here (${reason}): let TCP port ${port} through the firewall or security group in between, then provision it again`,
      'ENGINE_UNREACHABLE',
      cause,
    );
  return new DriverError(`the engine at ${url} does not show its new certificate: ${reason}`, 'ENGINE_TLS', cause);
}

function attempt(
  { hostname, port }: URL,
  { ca, cert }: ServerCertificates,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port: Number(port), ca, minVersion: 'TLSv1.3', ...servername });
    const timer = clock.timer(() => finish(new Error(`no answer within ${ATTEMPT_MS / 1000} s`)));
    timer.start(ATTEMPT_MS);
    const onAbort = (): void => finish(signal.reason);
    const finish = (error?: unknown): void => {
      timer.stop();
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', finish);
    socket.once('secureConnect', () => {
      const shown = socket.getPeerX509Certificate()?.fingerprint256;
      finish(shown === new X509Certificate(cert).fingerprint256 ? undefined : new Error('it shows another one'));
    });
  });
}
