import { expect } from 'vitest';
import type { FakeManager } from './fake-manager.ts';

/** An event of the page's stream. */
export interface PageEvent {
  readonly id: string | undefined;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read events of many shapes.
  readonly data: any;
}

/** What a browser does at a page: it logs in, keeps cookie and token, and says where it comes from. */
export class PageBrowser {
  readonly origin: string;
  cookie = '';
  token = '';

  constructor(origin: string) {
    this.origin = origin;
  }

  /** A browser that is logged in to the page of a manager. */
  static async at(swarm: Pick<FakeManager, 'manager' | 'call'>, search = ''): Promise<PageBrowser> {
    const browser = new PageBrowser(swarm.manager.page?.url ?? '');
    const { json } = await swarm.call('POST', `/enxame/v1/page/login${search}`, {});
    expect((await browser.login(String(json.path).split('#')[1] ?? '')).status).toBe(200);
    return browser;
  }

  async login(link: string): Promise<Response> {
    const answer = await this.call('POST', 'login', { link });
    this.cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? this.cookie;
    if (answer.ok) this.token = ((await answer.clone().json()) as { readonly token: string }).token;
    return answer;
  }

  /** One call of the page's scripts; headers of null are left out. */
  call(method: string, path: string, body?: unknown, headers: Record<string, string | null> = {}): Promise<Response> {
    const all: Record<string, string | null> = {
      Cookie: this.cookie,
      'X-Enxame-Token': this.token,
      ...(method === 'GET' ? {} : { Origin: this.origin }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    };
    const sent = Object.entries(all).flatMap(([name, value]) =>
      value === null ? [] : [[name, value] as [string, string]],
    );
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    return fetch(`${this.origin}/api/v1/${path}`, { method, headers: sent, redirect: 'manual', ...content });
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes.
  async get(path: string): Promise<any> {
    const answer = await this.call('GET', path);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  }

  /** The events of the stream, as they come. */
  async *stream(lastEventId?: string, signal?: AbortSignal): AsyncGenerator<PageEvent, void, undefined> {
    const answer = await fetch(`${this.origin}/api/v1/stream?token=${this.token}`, {
      headers: { Cookie: this.cookie, ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }) },
      ...(signal ? { signal } : {}),
    });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    let text = '';
    const decoder = new TextDecoder();
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(piece, { stream: true });
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) if (!event.startsWith(':')) yield parsed(event);
    }
  }
}

function parsed(text: string): PageEvent {
  const fields = new Map(
    text.split('\n').map((line) => [line.split(': ', 1)[0] ?? '', line.slice(line.indexOf(': ') + 2)]),
  );
  return { id: fields.get('id'), name: fields.get('event') ?? '', data: JSON.parse(fields.get('data') ?? 'null') };
}
