import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { type ClusterError, reasonOf } from '../../common/errors.ts';
import { connectFailure } from '../connect-failures.ts';
import { storeError } from '../shared/store-errors.ts';
import { type ServerAddress, type StoreAddress, serverText } from '../store-address.ts';
import { FrameReader, type JuteReader } from './jute.ts';
import {
  connectFrame,
  readConnected,
  readEventPath,
  readReply,
  requestFrame,
  XID,
  type ZkRequest,
} from './zk-messages.ts';

const CONNECT_MS = 3_000;
const ANSWER_MS = 5_000;
const MOST_FRAME_BYTES = 64 * 1024 * 1024;
/** Servers say nothing when they end a connection, whatever the reason. */
const ENDED = 'it ended the connection: it has no quorum, or speaks TLS (give kv.cacertfile)';
const ENDED_TLS =
  'it ended the connection: it has no quorum, or takes another certificate (give kv.certfile and kv.keyfile that it trusts)';

/** Who we are for the servers, over all connections. */
export interface ZkIdentity {
  readonly sessionId: bigint;
  readonly password: Buffer;
  readonly timeoutMs: number;
  readonly lastZxid: bigint;
}

interface Pending {
  readonly resolve: (reply: { readonly code: number; readonly body: JuteReader }) => void;
  readonly reject: (error: unknown) => void;
}

/** One connection to one server, after its greeting. Answers come in the order of requests; what is open when it ends is rejected. */
export class ZkConnection {
  /** As the server gives it; `timeoutMs` 0 when the session has expired. */
  readonly identity: ZkIdentity;
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending[]>();
  readonly #onEvent: (path: string) => void;
  #xid = 0;
  #lastZxid: bigint;
  #ended: ClusterError | undefined;
  readonly #place: string;
  readonly closed: Promise<void>;

  private constructor(socket: Socket, place: string, identity: ZkIdentity, onEvent: (path: string) => void) {
    this.#socket = socket;
    this.#place = place;
    this.identity = identity;
    this.#lastZxid = identity.lastZxid;
    this.#onEvent = onEvent;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** Rejects with `STORE_UNAVAILABLE` or `STORE_TLS`. */
  static async open(
    { tls }: StoreAddress,
    server: ServerAddress,
    asked: ZkIdentity,
    onEvent: (path: string) => void,
  ): Promise<ZkConnection> {
    const place = serverText(server);
    const { host, port } = server;
    const socket = tls
      ? tlsConnect({ host, port, servername: /^[\d.:]+$/.test(host) ? '' : host, ...tls })
      : connect({ host, port });
    socket.setNoDelay(true);
    const frames = new FrameReader(MOST_FRAME_BYTES);
    let connection: ZkConnection | undefined;
    return await new Promise<ZkConnection>((resolve, reject) => {
      const fail = (error: unknown): void => {
        const failure = connectFailure('ZooKeeper', place, error, { isTls: tls !== undefined });
        socket.destroy();
        clearTimeout(timer);
        reject(failure);
        connection?.end(failure);
      };
      const timer = setTimeout(() => fail(new Error(`no answer within ${CONNECT_MS} ms`)), CONNECT_MS);
      socket.once(tls ? 'secureConnect' : 'connect', () =>
        socket.write(connectFrame(asked.sessionId, asked.password, asked.timeoutMs, asked.lastZxid)),
      );
      socket.on('error', fail);
      socket.on('close', () => fail(new Error(tls ? ENDED_TLS : ENDED)));
      socket.on('data', (chunk: Buffer) => {
        try {
          for (const frame of frames.add(chunk)) {
            if (connection) connection.#take(frame);
            else {
              clearTimeout(timer);
              const given = readConnected(frame);
              connection = new ZkConnection(socket, place, { ...given, lastZxid: asked.lastZxid }, onEvent);
              resolve(connection);
            }
          }
        } catch (error) {
          fail(new Error(`what answers is no ZooKeeper: ${reasonOf(error)}`));
        }
      });
    });
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  /** The last change that a server told of. */
  get lastZxid(): bigint {
    return this.#lastZxid;
  }

  /** Rejects with `OUTCOME_UNKNOWN` when the connection ends meanwhile, and ends it when no answer comes in time. */
  send(request: ZkRequest, xid?: number): Promise<{ readonly code: number; readonly body: JuteReader }> {
    if (this.#ended) return Promise.reject(this.#ended);
    this.#xid = (this.#xid % 0x3fffffff) + 1;
    const number = xid ?? this.#xid;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.end(storeError('STORE_UNAVAILABLE', `ZooKeeper at ${this.#place} does not answer`)),
        ANSWER_MS,
      );
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer);
          settle(value);
        };
      const pending = { resolve: settled(resolve), reject: settled(reject) };
      this.#pending.set(number, [...(this.#pending.get(number) ?? []), pending]);
      this.#socket.write(requestFrame(number, request));
    });
  }

  /** Idempotent. */
  end(reason: ClusterError): void {
    if (this.#ended) return;
    this.#ended = reason;
    this.#socket.destroy();
    const lost = storeError('OUTCOME_UNKNOWN', reason.message, reason);
    for (const { reject } of [...this.#pending.values()].flat()) reject(lost);
    this.#pending.clear();
  }

  #take(frame: Buffer): void {
    const { xid, zxid, code, body } = readReply(frame);
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
    if (xid === XID.event) return this.#onEvent(readEventPath(body));
    const [first, ...rest] = this.#pending.get(xid) ?? [];
    if (rest.length > 0) this.#pending.set(xid, rest);
    else this.#pending.delete(xid);
    first?.resolve({ code, body });
  }
}
