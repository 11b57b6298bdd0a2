import { JuteReader, JuteWriter } from './jute.ts';

/**
 * Messages of ZooKeeper 3.4 and newer (zookeeper.jute, `ZooDefs.OpCode`, `KeeperException.Code`).
 */
export const ZK_CODE = {
  systemError: -1,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  nodeExists: -110,
  sessionExpired: -112,
  authFailed: -115,
  sessionMoved: -118,
  requestTimeout: -122,
  throttled: -127,
} as const;

const NAMES = new Map<number, string>(Object.entries(ZK_CODE).map(([name, code]) => [code, name]));

const OP = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  auth: 100,
  closeSession: -11,
  error: -1,
} as const;

export const XID = { event: -1, ping: -2, auth: -4 } as const;

/** Any version; in conditions: it must exist. */
export const ANY_VERSION = -1;
const EPHEMERAL = 1;
const ALL_PERMISSIONS = 31;

export interface ZkStat {
  readonly version: number;
  /** The last change of its children. */
  readonly pzxid: bigint;
  /** The session it ends with; 0n for none. */
  readonly owner: bigint;
}

/** What a server answered instead of doing it. */
export class ZkError extends Error {
  readonly zkCode: number;

  constructor(zkCode: number, path: string) {
    super(`ZooKeeper answered ${NAMES.get(zkCode) ?? zkCode} for ${path}`);
    this.zkCode = zkCode;
  }
}

/** One change of a transaction. */
export type ZkOperation =
  | { readonly create: string; readonly data: string; readonly isEphemeral?: boolean }
  | { readonly set: string; readonly data: string; readonly version: number }
  | { readonly remove: string; readonly version: number }
  | { readonly check: string; readonly version: number };

/** A request without its number. */
export interface ZkRequest {
  readonly type: number;
  readonly path: string;
  readonly payload: Buffer;
}

export function existsRequest(path: string, isWatched: boolean): ZkRequest {
  return { type: OP.exists, path, payload: new JuteWriter().text(path).bool(isWatched).bytes() };
}

export function getDataRequest(path: string): ZkRequest {
  return { type: OP.getData, path, payload: new JuteWriter().text(path).bool(false).bytes() };
}

export function getChildrenRequest(path: string, isWatched: boolean): ZkRequest {
  return { type: OP.getChildren2, path, payload: new JuteWriter().text(path).bool(isWatched).bytes() };
}

export function syncRequest(path: string): ZkRequest {
  return { type: OP.sync, path, payload: new JuteWriter().text(path).bytes() };
}

export const PING: ZkRequest = { type: OP.ping, path: '', payload: Buffer.alloc(0) };
export const CLOSE: ZkRequest = { type: OP.closeSession, path: '', payload: Buffer.alloc(0) };

export function authRequest(username: string, password: string): ZkRequest {
  const auth = Buffer.from(`${username}:${password}`, 'utf8');
  return { type: OP.auth, path: '', payload: new JuteWriter().int(0).text('digest').buffer(auth).bytes() };
}

/** All operations or none. `isOwned`: what is created is its creator's alone. */
export function multiRequest(operations: readonly ZkOperation[], isOwned: boolean): ZkRequest {
  const writer = new JuteWriter();
  for (const operation of operations) writeOperation(writer, operation, isOwned);
  writer.int(OP.error).bool(true).int(-1);
  return { type: OP.multi, path: pathOfOperation(operations[0]), payload: writer.bytes() };
}

export function connectFrame(sessionId: bigint, password: Buffer, timeoutMs: number, lastZxid: bigint): Buffer {
  return new JuteWriter().int(0).long(lastZxid).int(timeoutMs).long(sessionId).buffer(password).bool(false).frame();
}

export function requestFrame(xid: number, { type, payload }: ZkRequest): Buffer {
  const length = Buffer.alloc(12);
  length.writeInt32BE(8 + payload.length, 0);
  length.writeInt32BE(xid, 4);
  length.writeInt32BE(type, 8);
  return Buffer.concat([length, payload]);
}

export function readConnected(frame: Buffer): {
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Buffer;
} {
  const reader = new JuteReader(frame);
  reader.int();
  return { timeoutMs: reader.int(), sessionId: reader.long(), password: Buffer.from(reader.buffer()) };
}

export function readReply(frame: Buffer): {
  readonly xid: number;
  readonly zxid: bigint;
  readonly code: number;
  readonly body: JuteReader;
} {
  const reader = new JuteReader(frame);
  return { xid: reader.int(), zxid: reader.long(), code: reader.int(), body: reader };
}

/** The path that something happened at. */
export function readEventPath(body: JuteReader): string {
  body.int();
  body.int();
  return body.text();
}

export function readStat(reader: JuteReader): ZkStat {
  for (let i = 0; i < 4; i++) reader.long();
  const version = reader.int();
  reader.int();
  reader.int();
  const owner = reader.long();
  reader.int();
  reader.int();
  return { version, owner, pzxid: reader.long() };
}

export function readData(reader: JuteReader): { readonly data: string; readonly stat: ZkStat } {
  const data = reader.text();
  return { data, stat: readStat(reader) };
}

export function readChildren(reader: JuteReader): { readonly names: readonly string[]; readonly stat: ZkStat } {
  const count = reader.int();
  if (count > reader.left) throw new RangeError('the message ends too early');
  const names = Array.from({ length: Math.max(0, count) }, () => reader.text());
  return { names, stat: readStat(reader) };
}

/** The first new version that a transaction gave a node that was there; undefined when it only created. Throws a {@link ZkError} for one that was not made. */
export function readMulti(reader: JuteReader, operations: readonly ZkOperation[]): number | undefined {
  let version: number | undefined;
  let code = 0;
  for (;;) {
    const type = reader.int();
    const isDone = reader.bool();
    reader.int();
    if (isDone) break;
    if (type === OP.error) {
      const own = reader.int();
      // Those that follow the one that failed only say that (-2), those before it 0.
      if (own !== 0 && own !== -2) code = own;
    } else if (type === OP.create) reader.text();
    else if (type === OP.setData) {
      const stat = readStat(reader);
      version ??= stat.version;
    }
  }
  if (code !== 0) throw new ZkError(code, pathOfOperation(operations[0]));
  return version;
}

function writeOperation(writer: JuteWriter, operation: ZkOperation, isOwned: boolean): void {
  const header = (type: number): JuteWriter => writer.int(type).bool(false).int(-1);
  if ('create' in operation) {
    const { create, data, isEphemeral = false } = operation;
    header(OP.create).text(create).text(data);
    writer.int(1).int(ALL_PERMISSIONS);
    if (isOwned) writer.text('auth').text('');
    else writer.text('world').text('anyone');
    writer.int(isEphemeral ? EPHEMERAL : 0);
  } else if ('set' in operation) header(OP.setData).text(operation.set).text(operation.data).int(operation.version);
  else if ('remove' in operation) header(OP.delete).text(operation.remove).int(operation.version);
  else header(OP.check).text(operation.check).int(operation.version);
}

function pathOfOperation(operation: ZkOperation | undefined): string {
  if (operation === undefined) return '';
  if ('create' in operation) return operation.create;
  if ('set' in operation) return operation.set;
  return 'remove' in operation ? operation.remove : operation.check;
}
