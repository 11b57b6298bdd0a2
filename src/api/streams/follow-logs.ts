import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Container } from '../../cluster/container.ts';
import type { Call } from '../call.ts';
import { copyHeaders } from '../forwarding.ts';
import { openOnNode } from '../proxy.ts';
import { flag } from '../query-flag.ts';
import { pipeAnswer } from '../relay.ts';
import { LogMessages } from './log-messages.ts';
import { followCopies } from './resumed.ts';

/** `logs?follow=1` of a container that may be moved: goes on with the successor's messages from its start, each message once. */
export async function followLogs(call: Call, container: Container): Promise<void> {
  const { res, query } = call;
  const messages = new LogMessages(flag(query, 'timestamps'));
  const stream = await openOnNode(call, container.node, { path: pathOf(container, query, {}) });
  try {
    const head = await stream.head(call.signal);
    if (head.statusCode !== 200) return await pipeAnswer(call, stream, head);
    copyHeaders(res, head);
    res.writeHead(200);
    res.flushHeaders();
    const end = await followCopies(
      call,
      { container, body: stream.body(head) },
      {
        pathOf: (next, isSame) => {
          const since = isSame ? (messages.since ?? query.get('since') ?? '') : '';
          return pathOf(next, query, { since, tail: 'all' });
        },
        begin: (isSame) => messages.begin(isSame),
        take: (chunk) => writeAll(res, messages.feed(chunk)),
      },
    );
    finish(res, end.how === 'ended' || end.exitCode !== undefined);
  } catch (error) {
    if (!res.headersSent) throw error;
    // The manager stops, or the client left: what was sent is whole messages.
    finish(res, call.signal.aborted);
  } finally {
    stream.destroy();
  }
}

/** Ends an answer; one that is not whole is cut, so that the client does not take it for that. */
export function finish(res: ServerResponse, isWhole: boolean): void {
  if (isWhole) res.end();
  else res.destroy();
}

/** Resolves when the client takes more. Rejects when it left. */
export async function writeAll(res: ServerResponse, bytes: Buffer): Promise<void> {
  if (bytes.length === 0) return;
  if (res.destroyed) throw new Error('the client left');
  if (res.write(bytes)) return;
  const left = new AbortController();
  const onClose = (): void => left.abort(new Error('the client left'));
  res.once('close', onClose);
  try {
    await once(res, 'drain', { signal: left.signal });
  } finally {
    res.off('close', onClose);
  }
}

function pathOf(
  { engineId }: Container,
  query: URLSearchParams,
  changed: { readonly since?: string; readonly tail?: string },
): string {
  const asked = new URLSearchParams(query);
  asked.set('timestamps', '1');
  for (const [name, value] of Object.entries(changed)) asked.set(name, value);
  return `/containers/${engineId}/logs?${asked}`;
}
