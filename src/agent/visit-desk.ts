import type { ServerHttp2Stream } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { cut, join } from '../common/join-streams.ts';
import { readLine } from '../common/read-line.ts';
import {
  orderIn,
  VISIT_FAILED,
  VISIT_LINE_BYTES,
  VISIT_TAKEN,
  type Visit,
  type VisitOrder,
} from '../engine/dialled/visits.ts';
import type { Client } from '../relay/target.ts';
import type { PublishedPorts } from './published-ports.ts';

/** Connections that wait for the manager, and how long, in milliseconds: an agent that lost it dials again. */
const MAX_WAITING = 1_024;
/** Flows of UDP wait only while no more than these do: connections have room, whatever datagrams come. */
const MAX_WAITING_FLOWS = 128;
const WAIT_MS = 30_000;
/** Streams that may break before the manager has said anything, of one connection. */
const MOST_TRIES = 40;
const MOST_FLOW_TRIES = 3;
/** How long a node may take to accept a connection before the manager is asked to carry it, in milliseconds. */
const CONNECT_MS = 1_000;

/** Asks one manager where connections and flows of UDP lead that this host took, over streams that the manager keeps waiting here. */
export class VisitDesk {
  readonly #published: Pick<PublishedPorts, 'find'>;
  readonly #idle: ServerHttp2Stream[] = [];
  readonly #waiting: ((stream: ServerHttp2Stream | undefined) => void)[] = [];

  constructor(published: Pick<PublishedPorts, 'find'>) {
    this.#published = published;
  }

  /** A stream of the manager waits for a connection. */
  add(stream: ServerHttp2Stream): void {
    stream.respond({ ':status': 200 });
    const next = this.#waiting.shift();
    if (next) return next(stream);
    this.#idle.push(stream);
    stream.once('close', () => {
      const at = this.#idle.indexOf(stream);
      if (at >= 0) this.#idle.splice(at, 1);
    });
  }

  /** Leads a connection that was taken at a port. Never rejects. */
  async lead(client: Socket, port: number): Promise<void> {
    for (let tries = 1; tries <= MOST_TRIES && !client.destroyed; tries++) {
      const stream = await this.#stream();
      if (!stream) break;
      // One whose manager has gone says nothing: another one is asked.
      if (await this.#ask(stream, client, port)) return;
    }
    client.resetAndDestroy();
  }

  /** Leads a flow of UDP that begins at a port: its datagrams go over the stream, see `sendDatagram`. Rejects when no container takes it in time. */
  async flow(port: number, { address, port: remotePort }: Client, timeoutMs: number): Promise<ServerHttp2Stream> {
    const deadlineMs = performance.now() + timeoutMs;
    for (let tries = 1; tries <= MOST_FLOW_TRIES; tries++) {
      const stream = await this.#stream(deadlineMs - performance.now(), MAX_WAITING_FLOWS);
      if (!stream) break;
      const timer = setTimeout(() => stream.close(), deadlineMs - performance.now());
      const visit: Visit = { protocol: 'udp', port, remoteAddress: address, remotePort };
      if (!stream.destroyed) stream.write(lineOf(visit));
      const order = await orderFrom(stream);
      clearTimeout(timer);
      if (order && 'carry' in order && !stream.destroyed) return stream;
      stream.close();
      // One whose manager has gone says nothing: another one is asked.
      if (order) break;
    }
    throw new Error(`no container takes UDP at port ${port}`);
  }

  /** False when the manager said nothing. */
  async #ask(stream: ServerHttp2Stream, client: Socket, port: number): Promise<boolean> {
    const leave = (): void => stream.close();
    client.once('close', leave);
    if (client.destroyed) leave();
    const { remoteAddress, remotePort, localAddress, localPort } = client;
    const visit: Visit = { port, remoteAddress, remotePort, localAddress, localPort };
    if (!stream.destroyed) stream.write(lineOf(visit));
    let isRefused = false;
    for (let order = await orderFrom(stream); order; order = await orderFrom(stream)) {
      if ('refused' in order) {
        isRefused = true;
        break;
      }
      if ('carry' in order) {
        client.off('close', leave);
        join(client, stream);
        return true;
      }
      const there = await this.#reach(order.to);
      if (there && !client.destroyed) {
        pass(client, there, stream, order.header);
        return true;
      }
      there?.destroy();
      if (!stream.destroyed) stream.write(lineOf(VISIT_FAILED));
    }
    client.off('close', leave);
    stream.close();
    if (isRefused) client.resetAndDestroy();
    return isRefused;
  }

  async #stream(waitMs: number = WAIT_MS, most: number = MAX_WAITING): Promise<ServerHttp2Stream | undefined> {
    for (let idle = this.#idle.shift(); idle; idle = this.#idle.shift()) if (!idle.destroyed) return idle;
    if (this.#waiting.length >= most) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(() => give(undefined), waitMs);
      const give = (stream: ServerHttp2Stream | undefined): void => {
        clearTimeout(timer);
        const at = this.#waiting.indexOf(give);
        if (at >= 0) this.#waiting.splice(at, 1);
        resolve(stream);
      };
      this.#waiting.push(give);
    });
  }

  async #reach({
    host,
    port,
  }: {
    readonly host?: string | undefined;
    readonly port: number;
  }): Promise<Socket | undefined> {
    if (host !== undefined) return connection(host, port);
    const own = await this.#published.find('', port).catch(() => undefined);
    return own && connection(own.host, own.port);
  }
}

/** The connection goes on without the manager, also when that ends; the visit lasts as long as it, so that the manager knows whom a copy serves. */
function pass(client: Socket, there: Socket, stream: ServerHttp2Stream, header: string | undefined): void {
  stream.write(lineOf(VISIT_TAKEN));
  stream.resume();
  if (header !== undefined) there.write(Buffer.from(header, 'base64'));
  join(client, there);
}

async function orderFrom(stream: ServerHttp2Stream): Promise<VisitOrder | undefined> {
  const order = orderIn(await readLine(stream, VISIT_LINE_BYTES));
  if (!order) cut(stream);
  return order;
}

/** A connection; undefined when it is refused or not accepted in time. */
function connection(host: string, port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const fail = (): void => {
      socket.destroy();
      resolve(undefined);
    };
    socket.setTimeout(CONNECT_MS, fail);
    socket.on('error', () => undefined).once('close', fail);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('timeout', fail).off('close', fail);
      resolve(socket);
    });
  });
}

function lineOf(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
