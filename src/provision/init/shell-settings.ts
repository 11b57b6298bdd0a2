import { quoted } from '../remote.ts';
import type { EngineSetup } from './init-system.ts';

const BEGIN = '# begin enxame: written by enxame, which replaces what is up to the end mark';
const END = '# end enxame';

/** A settings file of shell assignments, as service scripts read it, with our block in it and everything else as it was. */
export function withBlock(text: string, { flags, env }: EngineSetup): string {
  const rest = withoutBlock(text);
  const lines = [
    ...(flags.length === 0 ? [] : [`DOCKER_OPTS="\${DOCKER_OPTS:-} ${flags.map(inDoubleQuotes).join(' ')}"`]),
    ...env.map((pair) => {
      const at = pair.indexOf('=');
      return `export ${pair.slice(0, at)}=${quoted(pair.slice(at + 1))}`;
    }),
  ];
  if (lines.length === 0) return rest;
  const gap = rest === '' || rest.endsWith('\n') ? '' : '\n';
  return `${rest}${gap}${[BEGIN, ...lines, END].join('\n')}\n`;
}

function withoutBlock(text: string): string {
  const start = text.indexOf(BEGIN);
  if (start < 0) return text;
  const end = text.indexOf(END, start);
  return text.slice(0, start) + (end < 0 ? '' : text.slice(end + END.length).replace(/^\n/, ''));
}

/** A word of a command line that a service script will split itself, inside double quotes. */
function inDoubleQuotes(flag: string): string {
  const word = /^[\w\-=.,:/@+%]+$/.test(flag) ? flag : quoted(flag);
  return word.replace(/["\\$`]/g, '\\$&');
}
