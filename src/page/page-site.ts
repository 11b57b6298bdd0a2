import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSite } from '../web/web-listener.ts';
import { SECURITY_HEADERS } from './gate.ts';
import { LOGIN_FILES, plainPage } from './login-page.ts';
import type { PageApi } from './page-api.ts';
import type { StaticFiles } from './static-files.ts';

export interface PageSiteDeps {
  readonly api: PageApi;
  readonly files: StaticFiles;
  /** Answers a request to leave HTTP. */
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** Everything at the page's listener: files for everybody, and the calls of those who are logged in. */
export class PageSite implements WebSite {
  readonly headers: Readonly<Record<string, string>> = SECURITY_HEADERS;
  readonly #deps: PageSiteDeps;

  constructor(deps: PageSiteDeps) {
    this.#deps = deps;
  }

  /** Files say nothing of the cluster: a wiki may link to a view of the page. */
  isLinkable(req: IncomingMessage): boolean {
    const mode = req.headers['sec-fetch-mode'];
    return req.method === 'GET' && mode === 'navigate' && !targetOf(req).path.startsWith('/api/');
  }

  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#deps.upgrade(req, socket, head);
  }

  async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { path, query } = targetOf(req);
    if (path.startsWith('/api/')) return this.#deps.api.answer(req, res, path, query);
    req.resume();
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.writeHead(405, { Allow: 'GET, HEAD', 'Content-Type': 'text/plain; charset=utf-8' });
      res.end('only GET and HEAD\n');
      return;
    }
    const own = LOGIN_FILES.get(path);
    if (own) return sendText(req, res, 200, own);
    if (await this.#deps.files.answer(req, res, path)) return;
    const text = plainPage(
      'The page is not built',
      'This manager runs from a source folder without it: run <code>npm run build</code> there and load this page again.',
    );
    sendText(req, res, 503, { type: 'text/html; charset=utf-8', text });
  }
}

function sendText(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  { type, text }: { readonly type: string; readonly text: string },
): void {
  const bytes = Buffer.from(text);
  res.writeHead(status, { 'Content-Type': type, 'Content-Length': bytes.length, 'Cache-Control': 'no-store' });
  res.end(req.method === 'HEAD' ? undefined : bytes);
}

/** Path and query of a request; what cannot be read as a path is none that there is. */
export function targetOf({ url = '/' }: IncomingMessage): { readonly path: string; readonly query: URLSearchParams } {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  return { path, query: new URLSearchParams(mark < 0 ? '' : url.slice(mark)) };
}
