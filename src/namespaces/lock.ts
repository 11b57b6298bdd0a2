import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemPath } from '../common/command.ts';
import { HostError } from './errors.ts';

/**
 * Runs `work` while no other process (or other caller in this one) holds the lock on `path`. The kernel's flock is held by a
 * child that ends with our end of its pipe, so a killed process never leaves the lock behind.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const holder = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo held; exec cat'], {
    env: { PATH: systemPath },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(holder, 'close');
  holder.stdin.on('error', () => {});
  await Promise.race([
    once(holder.stdout, 'data'),
    ended.then(() => Promise.reject(new HostError(`lock ${path}: flock ended early`))),
  ]);
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
