import type { WebFetch } from '../../common/web.ts';

/** A provider's word that it takes a machine back. */
export interface Reclaim {
  /** What it said: `terminate`, `Preempt`. */
  readonly action: string;
  /** When it does, in milliseconds since the epoch; undefined when it does not say. */
  readonly atMs?: number;
}

/** How to ask one provider's metadata service. */
export interface ReclaimSource {
  /** Between two questions, in milliseconds: a part of the shortest notice. */
  readonly everyMs: number;
  /** Undefined while the machine is not taken back. Rejects when the service cannot be asked. */
  look(ask: AskMetadata): Promise<Reclaim | undefined>;
}

/** One question to the metadata service; `path` begins with a slash. */
export type AskMetadata = (
  path: string,
  init?: { readonly method?: string; readonly headers?: Record<string, string> },
) => Promise<Response>;

const TIMEOUT_MS = 2_000;

/** Asks the service at `base`, never by a proxy: it is this machine's own. */
export function askMetadata(base: string, fetch: WebFetch, signal: AbortSignal): AskMetadata {
  return (path, init) =>
    fetch(`${base}${path}`, {
      ...init,
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
}

/** Its body, which is never large. Throws for a status that means neither yes nor no. */
export async function textOf(response: Response): Promise<string> {
  const text = (await response.text()).slice(0, 64 * 1024);
  if (!response.ok) throw new Error(`the metadata service answers ${response.status}`);
  return text;
}
