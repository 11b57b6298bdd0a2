import { bodyOf } from '../engine/answer-body.ts';
import type { RawExchange } from '../engine/exchange.ts';
import { LineSplitter } from '../engine/line-splitter.ts';

/** A message of an engine's progress stream (pull, push, load, build): the members that are read here. */
export interface JsonMessage {
  readonly status?: string;
  /** The layer, or the tag, that `status` is about. */
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number } | null;
  readonly stream?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string } | null;
}

/** Why the work failed though the answer began with 200; undefined for any other message. */
export function failureOf({ error, errorDetail }: JsonMessage): string | undefined {
  return errorDetail?.message ?? error;
}

/** Reads one line; text that is no JSON object counts as an empty message. */
export function parseMessage(line: string): JsonMessage {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as JsonMessage) : {};
  } catch {
    return {};
  }
}

/** The messages of a progress stream as they come. */
export async function* messagesOf(
  exchange: RawExchange,
  signal?: AbortSignal,
): AsyncGenerator<JsonMessage, void, undefined> {
  let lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for await (const piece of bodyOf(exchange, signal)) {
    splitter.feed(piece);
    const complete = lines;
    lines = [];
    for (const line of complete) yield parseMessage(line);
  }
  splitter.feed(NEWLINE);
  for (const line of lines) yield parseMessage(line);
}

const NEWLINE = Buffer.from('\n');
