import type { LoginAnswer, PageError } from '../../../src/page/protocol.ts';

export const TOKEN_KEY = 'enxame.token';
const ROOT = '/api/v1/';

/** What the manager refused, in its words. */
export class PageFault extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, { message, code }: PageError) {
    super(message);
    this.status = status;
    this.code = code ?? 'UNKNOWN';
  }
}

export function token(): string | null {
  return localStorage.getItem(TOKEN_KEY);
}

export function forget(): void {
  localStorage.removeItem(TOKEN_KEY);
}

/** The address of a call. */
export function addressOf(path: string): string {
  return `${ROOT}${path}`;
}

/** Exchanges the secret of a login link for a session. Throws what the manager says against it. */
export async function login(link: string): Promise<void> {
  const response = await fetch(addressOf('login'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ link }),
  });
  if (!response.ok) throw await faultOf(response);
  localStorage.setItem(TOKEN_KEY, ((await response.json()) as LoginAnswer).token);
}

export async function logout(): Promise<void> {
  await call('POST', 'logout').catch(() => undefined);
  forget();
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly body?: unknown;
}

/** One call; throws a {@link PageFault} for every answer that is none of success. */
export async function call(method: string, path: string, { signal, body }: CallOptions = {}): Promise<Response> {
  const headers: Record<string, string> = { 'x-enxame-token': token() ?? '' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const response = await fetch(addressOf(path), {
    method,
    headers,
    ...(signal && { signal }),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok && response.status !== 304) throw await faultOf(response);
  return response;
}

export async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await call('GET', path, signal ? { signal } : {});
  return (await response.json()) as T;
}

async function faultOf(response: Response): Promise<PageFault> {
  const text = await response.text().catch(() => '');
  try {
    return new PageFault(response.status, JSON.parse(text) as PageError);
  } catch {
    const message = text.slice(0, 200) || `${response.status} ${response.statusText}`;
    return new PageFault(response.status, { message, code: 'UNKNOWN' });
  }
}
