import { storeError } from '../shared/store-errors.ts';
import type { StoreAddress, StoreKind } from '../store-address.ts';
import type { JuteReader } from './jute.ts';
import {
  existsRequest,
  getChildrenRequest,
  getDataRequest,
  multiRequest,
  readChildren,
  readData,
  readMulti,
  readStat,
  syncRequest,
  ZK_CODE,
  ZkError,
  type ZkOperation,
  type ZkRequest,
  type ZkStat,
} from './zk-messages.ts';
import { ZkSession } from './zk-session.ts';

export const ZOOKEEPER: StoreKind = { scheme: 'zk', defaultPort: 2181, credentials: 'user' };

export interface ZkNode {
  readonly data: string;
  readonly stat: ZkStat;
}

/** The calls of ZooKeeper that we make, in one session. They reject with the errors of `store-errors.ts`. */
export class ZkClient {
  readonly session: ZkSession;
  /** What is created is its creator's alone, when that one has said who it is. */
  readonly #isOwned: boolean;

  constructor(address: StoreAddress, timeoutMs: number, onExpired?: () => void) {
    this.session = new ZkSession(address, timeoutMs, onExpired);
    this.#isOwned = address.username !== undefined;
  }

  /** Makes this server know what every other one knows; calls of the same turn that follow see it. */
  async sync(path: string): Promise<void> {
    await this.#ask(syncRequest(path), true);
  }

  async get(path: string): Promise<ZkNode | undefined> {
    const body = await this.#ask(getDataRequest(path), true, ZK_CODE.noNode);
    return body && readData(body);
  }

  /** With `isWatched`, `session.event(path)` tells the next change, creation or removal. */
  async stat(path: string, isWatched: boolean = false): Promise<ZkStat | undefined> {
    const body = await this.#ask(existsRequest(path, isWatched), true, ZK_CODE.noNode);
    return body && readStat(body);
  }

  /** With `isWatched`, `session.event(path)` tells the next child that comes or goes. */
  async children(
    path: string,
    isWatched: boolean = false,
  ): Promise<{ readonly names: readonly string[]; readonly stat: ZkStat } | undefined> {
    const body = await this.#ask(getChildrenRequest(path, isWatched), true, ZK_CODE.noNode);
    return body && readChildren(body);
  }

  /**
   * All operations or none; resolves with the new version of the first node that was set, or undefined where none was. Throws a
   * {@link ZkError} when a node is otherwise than an operation needs.
   */
  async multi(operations: readonly ZkOperation[]): Promise<number | undefined> {
    const body = await this.session.request(multiRequest(operations, this.#isOwned), false);
    return readMulti(body, operations);
  }

  /** Makes a node and those above it, as far as they are missing. */
  async makePath(path: string): Promise<void> {
    const parts = path.split('/').slice(1);
    for (let depth = 1; depth <= parts.length; depth++) {
      const each = `/${parts.slice(0, depth).join('/')}`;
      if (await this.stat(each)) continue;
      // Created twice is created.
      await this.multi([{ create: each, data: '' }]).catch((error: unknown) => {
        if (!(error instanceof ZkError && error.zkCode === ZK_CODE.nodeExists)) throw refusalOf(error);
      });
    }
  }

  async #ask(request: ZkRequest, isRepeatable: boolean, absent?: number): Promise<JuteReader | undefined> {
    return await this.session.request(request, isRepeatable).catch((error: unknown) => {
      if (error instanceof ZkError && error.zkCode === absent) return undefined;
      throw refusalOf(error);
    });
  }
}

/** What a refusal of the server's means for us; anything else unchanged. */
export function refusalOf(error: unknown): unknown {
  if (!(error instanceof ZkError)) return error;
  if (error.zkCode === ZK_CODE.noAuth)
    return storeError(
      'STORE_AUTH',
      'ZooKeeper refuses us: the user may not do it. Give kv.username and kv.password',
      error,
    );
  if (error.zkCode === ZK_CODE.requestTimeout) return storeError('STORE_UNAVAILABLE', error.message, error);
  return storeError('STORE_REFUSED', error.message, error);
}
