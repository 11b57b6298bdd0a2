import type { StreamMessages } from './protocol.ts';

/** One event of a stream of server-sent events (HTML §9.2); `json` is JSON text, which has no line breaks. */
export function sseEvent(name: keyof StreamMessages, json: string, id?: string): Buffer {
  return Buffer.from(`${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${json}\n\n`);
}

/** A comment, which keeps a connection open through proxies and tells that it is. */
export const KEEP_ALIVE: Buffer = Buffer.from(':\n\n');

/** `EPOCH-REVISION`. */
export function eventId(epoch: string, revision: number): string {
  return `${epoch}-${revision}`;
}

/** The revision of an ID of this epoch; undefined for another one, and for what is none. */
export function revisionOf(id: string | undefined, epoch: string): number | undefined {
  const match = /^([0-9a-f]{1,32})-(\d{1,15})$/.exec(id ?? '');
  return match?.[1] === epoch ? Number(match[2]) : undefined;
}
