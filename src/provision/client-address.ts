import { isIP } from 'node:net';
import type { Task } from './provisioner.ts';
import type { Remote } from './remote.ts';

/** Asked of a login that is there already, in milliseconds. */
const TIMEOUT_MS = 30_000;

/** From where the machine sees this computer: sshd tells each login in `SSH_CONNECTION` (sshd(8)). Undefined where it does not. */
export async function clientAddress(remote: Remote, { signal }: Pick<Task, 'signal'>): Promise<string | undefined> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const result = await remote.run('printf "%s\\n" "$SSH_CONNECTION"', { signal: bounded }).catch((error: unknown) => {
    if (bounded.aborted && !signal.aborted) return undefined;
    throw error;
  });
  // What a login says by itself may stand before it.
  const [address = ''] = result?.output.trim().split('\n').at(-1)?.split(' ') ?? [];
  // IPv4 at a socket for both.
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  return isIP(plain) === 0 ? undefined : plain;
}
