import {
  type CloudAnswer,
  type CloudCertificate,
  type CloudRequest,
  type HttpCloud,
  startHttpCloud,
} from './http-cloud.ts';

/** An error answer of a REST API, before the provider's own form is put on it. */
export class RestFailure extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** An answer of a route that is not 200 or 204, or has headers. */
export class RestAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** What a route is given. */
export interface RestCall {
  /** Parts of the path in the route's parentheses. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
  /** JSON, a form, or `{ text }` of what is plain text. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Where the client sees the server: `127.0.0.1:4711`. */
  readonly host: string;
  readonly headers: CloudRequest['headers'];
}

/** `METHOD /path/([^/]+)` and what answers it: a body, or undefined for 204. */
export type RestRoute = readonly [method: string, path: RegExp, answer: (call: RestCall) => unknown];

/** A REST API to serve. */
export interface RestService {
  readonly routes: readonly RestRoute[];
  /** Whether a request may be answered. */
  readonly isAllowed: (request: CloudRequest) => boolean;
  /** The provider's form of an error. */
  readonly errorBody: (failure: RestFailure) => unknown;
  /** Whether a request would change something; default: everything but GET. */
  readonly isChange?: (request: CloudRequest) => boolean;
  readonly tls?: CloudCertificate;
}

/** A REST cloud with failures on demand. */
export interface RestCloud extends HttpCloud {
  /** The next `count` requests whose `METHOD path` matches fail so. */
  fail(call: RegExp, failure: RestFailure, count: number): void;
}

/** Serves a REST API on a free port. */
export async function startRestCloud(service: RestService): Promise<RestCloud> {
  const { routes, isAllowed, errorBody, isChange = ({ method }) => method !== 'GET' } = service;
  const planned: { call: RegExp; failure: RestFailure; left: number }[] = [];
  const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): CloudAnswer => ({
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const failed = (failure: RestFailure, headers?: Record<string, string>): CloudAnswer =>
    json(failure.status, errorBody(failure), headers);
  const answer = (request: CloudRequest): CloudAnswer => {
    if (!isAllowed(request)) return failed(new RestFailure(401, 'unauthorized', 'Unable to authenticate you'));
    const name = `${request.method} ${request.url.pathname}`;
    const due = planned.find(({ call, left }) => left > 0 && call.test(name));
    if (due !== undefined) {
      due.left -= 1;
      return failed(due.failure);
    }
    try {
      const content = route(routes, request);
      if (content instanceof RestAnswer) return json(content.status, content.body, content.headers);
      return content === undefined ? { status: 204 } : json(200, content);
    } catch (error) {
      if (error instanceof RestFailure) return failed(error);
      throw error;
    }
  };
  const api = {
    answer,
    isChange,
    refusal: () => failed(new RestFailure(403, 'forbidden', 'You are not allowed to do that')),
    throttled: () => failed(new RestFailure(429, 'too_many_requests', 'Too many requests'), { 'retry-after': '2' }),
  };
  const cloud = await startHttpCloud(api, service.tls);
  return {
    ...cloud,
    fail: (call, failure, count) => {
      planned.push({ call, failure, left: count });
    },
  };
}

function route(routes: readonly RestRoute[], { method, url, body, headers }: CloudRequest): unknown {
  for (const [verb, path, answer] of routes) {
    const found = verb === method ? new RegExp(`^${path.source}$`).exec(url.pathname) : null;
    if (found === null) continue;
    const parts = found.slice(1).map((part) => decodeURIComponent(part ?? ''));
    const isForm = headers['content-type']?.includes('x-www-form-urlencoded');
    const isText = headers['content-type']?.startsWith('text/plain');
    const call = { parts, query: url.searchParams, host: headers.host ?? '', headers };
    if (isText) return answer({ ...call, body: { text: body } });
    const content = isForm ? Object.fromEntries(new URLSearchParams(body)) : body === '' ? {} : JSON.parse(body);
    return answer({ ...call, body: content });
  }
  throw new RestFailure(
    404,
    'not_found',
    `The resource you were accessing could not be found: ${method} ${url.pathname}`,
  );
}
