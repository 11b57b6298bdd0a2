import { connect } from 'node:net';
import { SWARM_PORT } from './swarm-api.ts';

/** How long a host may take to accept a connection, in milliseconds. */
const ANSWER_MS = 2_000;
/** Hosts tried; a substrate has five managers at most. */
const MAX_HOSTS = 9;

/**
 * Hosts that accept connections at the port of swarm managers: something of a swarm lives there. Asks only whether, and
 * never rejects but when aborted.
 */
export async function answeringHosts(
  hosts: ReadonlySet<string>,
  signal: AbortSignal,
  port: number = SWARM_PORT,
): Promise<ReadonlySet<string>> {
  const tried = [...hosts].slice(0, MAX_HOSTS);
  const answers = await Promise.all(tried.map((host) => accepts(host, port)));
  signal.throwIfAborted();
  return new Set(tried.filter((_, index) => answers[index]));
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (isAnswer: boolean) => (): void => {
      socket.destroy();
      resolve(isAnswer);
    };
    socket.setTimeout(ANSWER_MS, settle(false));
    socket.on('connect', settle(true));
    socket.on('error', settle(false));
  });
}
