import { BadRequestError } from '../../common/errors.ts';

/** Header fields by name; a list is one line for each value. */
export type HeaderFields = Readonly<Record<string, string | readonly string[]>>;

/**
 * What may not stand in a path or a field: it would end the line. Nothing beyond Latin-1 either, of which each character is sent as
 * one byte: the low byte of `\u010a` is a line feed.
 */
const NOT_IN_PATH = /[^\x21-\x7e\x80-\xff]/;
const NOT_IN_FIELD = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * The head of an HTTP/1.1 request as it is sent in Latin-1, empty line included. Throws a BadRequestError when a path or a field holds
 * what would make it another request.
 */
export function formatRequestHead(method: string, path: string, fields: HeaderFields): string {
  if (NOT_IN_PATH.test(path))
    throw new BadRequestError(
      `an engine cannot be asked for ${JSON.stringify(path)}: percent-encode what is not ASCII`,
      'BAD_PATH',
    );
  let head = `${method} ${path} HTTP/1.1\r\nHost: docker\r\n`;
  for (const name in fields) head += lines(name, fields[name] ?? '');
  return `${head}\r\n`;
}

function lines(name: string, value: string | readonly string[]): string {
  if (typeof value !== 'string') return value.map((each) => lines(name, each)).join('');
  if (NOT_IN_FIELD.test(name) || NOT_IN_FIELD.test(value))
    throw new BadRequestError(
      `the header ${JSON.stringify(name)} holds a line break or another character that headers cannot hold`,
      'BAD_HEADER',
    );
  return `${name}: ${value}\r\n`;
}
