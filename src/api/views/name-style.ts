import type { NameStyle } from '../../cluster/container.ts';

/**
 * How a client wants container names, from its `User-Agent`. The docker CLI shows `node/name` only when no other
 * name is there, and from 29.4 on shows nothing then (docker/cli f7a909d56b skips every name with a slash); all other
 * clients (compose among them) match names exactly and take the first.
 */
export function nameStyleOf(userAgent: string | undefined): NameStyle {
  const match = /^Docker-Client\/(\d+)\.(\d+)/.exec(userAgent ?? '');
  if (!match) return 'plain';
  const major = Number(match[1]);
  return major < 29 || (major === 29 && Number(match[2]) < 4) ? 'node' : 'plain';
}
