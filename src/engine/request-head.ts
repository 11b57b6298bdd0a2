import { EngineError } from '../common/errors.ts';

/** Header fields by name; a list is one line for each value. */
export type HeaderFields = Readonly<Record<string, string | readonly string[]>>;

/** What would end a line, or the head, before its time. */
const LINE_BREAK = /[\r\n\0]/;
const WHITE_SPACE = /[\s\0]/;

/**
 * The head of an HTTP/1.1 request as it is sent, empty line included. Throws an EngineError when a path or a field holds what would
 * make it another request.
 */
export function formatRequestHead(method: string, path: string, fields: HeaderFields): string {
  if (WHITE_SPACE.test(path)) throw new EngineError(`an engine cannot be asked for ${JSON.stringify(path)}`);
  let head = `${method} ${path} HTTP/1.1\r\nHost: docker\r\n`;
  for (const name in fields) head += lines(name, fields[name] ?? '');
  return `${head}\r\n`;
}

function lines(name: string, value: string | readonly string[]): string {
  if (typeof value !== 'string') return value.map((each) => lines(name, each)).join('');
  if (LINE_BREAK.test(name) || LINE_BREAK.test(value)) {
    throw new EngineError(`an engine cannot be sent the header ${JSON.stringify(name)} with a line break`);
  }
  return `${name}: ${value}\r\n`;
}
