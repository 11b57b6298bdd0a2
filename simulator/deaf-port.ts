import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

/** A queue of one holds two connections on Linux; one more makes sure that it is full. */
const FILLERS = 3;

/** Listens and then never runs again: blocking its own event loop is what keeps it from accepting. */
const LISTEN_AND_SLEEP = `
const { parentPort, workerData } = require('node:worker_threads');
const server = require('node:net').createServer();
server.on('error', (error) => { throw error; });
server.listen({ ...workerData, backlog: 1 }, () => {
  parentPort.postMessage('listening');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
`;

/**
 * A port whose queue of connections is full: the kernel discards every further attempt to connect, so that clients see what
 * they see when packets are lost on the way. Costs a thread. Close it.
 */
export class DeafPort {
  readonly #thread: Worker;
  readonly #fillers: readonly Socket[];

  private constructor(thread: Worker, fillers: readonly Socket[]) {
    this.#thread = thread;
    this.#fillers = fillers;
  }

  /** Takes the port over; nobody else may listen on it. */
  static async open(host: string, port: number): Promise<DeafPort> {
    const thread = new Worker(LISTEN_AND_SLEEP, { eval: true, workerData: { host, port } });
    // Rejects when the thread fails to listen.
    await once(thread, 'message');
    const fillers = Array.from({ length: FILLERS }, () => connect({ host, port }));
    // The last one will never be connected; all are torn down when the port closes.
    for (const filler of fillers) filler.on('error', () => filler.destroy());
    await once(fillers[0] as Socket, 'connect');
    return new DeafPort(thread, fillers);
  }

  async close(): Promise<void> {
    for (const filler of this.#fillers) filler.destroy();
    await this.#thread.terminate();
  }
}
