import { chmod, lstat, mkdir, rmdir, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { reasonOf } from '../common/errors.ts';
import { SOCKET_PORT } from '../engine/dialled/visits.ts';
import type { VisitDesk } from './visit-desk.ts';

/** Connections at a time. */
const MAX_CONNECTIONS = 256;

/**
 * The socket by which containers of this host reach the manager, open while one of the managers wants it; connections are led to the one that wanted it
 * last. For root alone, as engines' sockets are for root and a group.
 */
export class NodeSocket {
  readonly #path: string;
  /** The latest last. */
  #desks: readonly VisitDesk[] = [];
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** A manager says whether it wants it. Resolves when it is open or closed, with the reason why it is not open. */
  want(desk: VisitDesk, isWanted: boolean): Promise<string | undefined> {
    const others = this.#desks.filter((each) => each !== desk);
    this.#desks = isWanted ? [...others, desk] : others;
    const done = this.#last.then(() => this.#settle());
    this.#last = done;
    return done;
  }

  /** Closes it, and ends what passes. Idempotent. */
  async close(): Promise<void> {
    this.#desks = [];
    await this.#last;
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Never rejects. */
  async #settle(): Promise<string | undefined> {
    if (this.#desks.length === 0) {
      this.#server?.close();
      this.#server = undefined;
      return undefined;
    }
    if (this.#server) return undefined;
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o755 });
      await makeRoom(this.#path);
      this.#server = await this.#listen();
      return undefined;
    } catch (error) {
      return `${this.#path}: ${reasonOf(error)}`;
    }
  }

  #listen(): Promise<Server> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#serve(socket));
      server.once('error', reject);
      // Nobody else can connect to it before it has its final mode.
      const before = process.umask(0o177);
      server.listen(this.#path, () => {
        server.off('error', reject).on('error', () => undefined);
        chmod(this.#path, 0o600).then(() => resolve(server), reject);
      });
      process.umask(before);
    });
  }

  #serve(socket: Socket): void {
    socket.on('error', () => undefined);
    const desk = this.#desks.at(-1);
    if (!desk || this.#sockets.size >= MAX_CONNECTIONS) return void socket.destroy();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    void desk.lead(socket, SOCKET_PORT); // Never rejects.
  }
}

/** An earlier agent's socket goes, and the folder that engines make where a mounted path is missing. */
async function makeRoom(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket()) await unlink(path);
  else if (found?.isDirectory()) await rmdir(path);
  else if (found) throw new Error('something else is there');
}
