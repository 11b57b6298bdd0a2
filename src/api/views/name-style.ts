/**
 * How names are listed. Docker CLIs before 29.4 show a name with a slash only when there is no other: they get
 * `node` (`/node/name` alone), as classic swarm listed it. CLIs from 29.4 skip every name with a slash, and
 * other clients take the first one: they get `plain` (`/name`, then `/node/name`).
 */
export type NameStyle = 'node' | 'plain';

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
