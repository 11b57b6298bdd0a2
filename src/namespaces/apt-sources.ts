import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HostError } from './errors.ts';

/** The Debian archive this machine uses. */
export interface Mirror {
  readonly uri: string;
  /** One-line format options with a trailing blank, such as the keyring; may be empty. */
  readonly options: string;
}

const defaultKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The mirror the machine's own apt sources name for Debian's main archive. */
export async function machineMirror(etcApt: string = '/etc/apt'): Promise<Mirror> {
  const parts = join(etcApt, 'sources.list.d');
  const names = (await readdir(parts).catch(() => [])).sort();
  const files = [join(etcApt, 'sources.list'), ...names.map((name) => join(parts, name))];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const mirror = file.endsWith('.sources') ? fromDeb822(text) : fromLines(text);
    if (mirror !== undefined) return mirror;
  }
  throw new HostError(
    `no Debian archive in ${etcApt}/sources.list(.d): add one, or use engine generation 20.10 only`,
    'HOST_NO_MIRROR',
  );
}

/** First Debian archive of a deb822 file: stanzas of "Field: value" lines. */
export function fromDeb822(text: string): Mirror | undefined {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  for (const stanza of lines.join('\n').split(/\n\s*\n/)) {
    const field = (name: string) => stanza.match(new RegExp(`^${name}:[ \\t]*(.*)$`, 'im'))?.[1]?.trim() ?? '';
    if (/^no$/i.test(field('Enabled')) || !field('Types').split(/\s+/).includes('deb')) continue;
    const uri = field('URIs').split(/\s+/)[0] ?? '';
    if (isDebian(uri, field('Suites'))) return { uri, options: keyring(field('Signed-By')) };
  }
  return undefined;
}

/** First Debian archive of a one-line-format file: "deb [options] URI suite components". */
export function fromLines(text: string): Mirror | undefined {
  for (const line of text.split('\n')) {
    const [, options = '', uri = '', suite = ''] = line.match(/^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/) ?? [];
    if (isDebian(uri, suite)) return { uri, options: keyring(options.match(/signed-by=(\S+)/i)?.[1] ?? '') };
  }
  return undefined;
}

/** The main archive: a Debian release's name stands alone, without "-security" or another vendor's suffix. */
function isDebian(uri: string, suites: string): boolean {
  return (
    /debian/i.test(uri) &&
    suites.split(/\s+/).some((suite) => /^(bookworm|trixie|forky|sid|stable|oldstable|testing)$/.test(suite))
  );
}

function keyring(path: string): string {
  // A key given inline spans lines; Debian's own keyring then is the better guess.
  return `[signed-by=${path.startsWith('/') ? path : defaultKeyring}] `;
}
