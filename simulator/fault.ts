/** What an engine can be made to do; `none` makes it well again. */
export type Fault =
  | { readonly kind: 'none' }
  /** The port is closed: connections are reset, new ones refused. */
  | { readonly kind: 'refuse' }
  /** Connections are accepted, nothing is read or answered; on recovery everything pending is (a stopped process). */
  | { readonly kind: 'hang' }
  /** Attempts to connect are discarded, nothing is read any more; on recovery old connections are reset (a dead path). */
  | { readonly kind: 'drop' }
  /** Every connection gets this many bytes a second. */
  | { readonly kind: 'crawl'; readonly bytesPerSecond: number };

export const FAULT_KINDS = ['none', 'refuse', 'hang', 'drop', 'crawl'] as const;
export const NO_FAULT: Fault = { kind: 'none' };

/** Reads a fault from untyped input (control port, command line); undefined when it is none of them. */
export function toFault(kind: string, bytesPerSecond: number = 1000): Fault | undefined {
  if (kind === 'crawl') return { kind, bytesPerSecond };
  return kind === 'none' || kind === 'refuse' || kind === 'hang' || kind === 'drop' ? { kind } : undefined;
}
