import picocolors from 'picocolors';
import { printable } from './printable.ts';

/** One line of the log as pino writes it. */
interface LogRecord {
  readonly level: number;
  readonly time: number;
  readonly msg?: unknown;
  readonly err?: { readonly message?: unknown; readonly stack?: unknown };
  readonly [field: string]: unknown;
}

/** Formats pino's JSON lines for people. */
export type LogFormatter = (json: string) => string;

type Colors = ReturnType<typeof picocolors.createColors>;
type Paint = (text: string) => string;

/** What is said once on each line, not as a field. */
const SHOWN_ELSEWHERE: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'err']);
const MORE = '  ';

/**
 * `22:15:09 WARN  pulling an image failed  node=node-1 reason="no such host"`: the local time, the level, what happened, and the facts.
 * Texts of others are made fit for a terminal. An error's stack follows at debug and trace, the levels for finding causes.
 */
export function logFormatter(options: { readonly color: boolean; readonly withStacks: boolean }): LogFormatter {
  const colors = picocolors.createColors(options.color);
  return (json) => {
    const record = read(json);
    if (record === undefined) return `${printable(json)}\n`;
    const { name, paint } = levelOf(record.level, colors);
    const fields = [...fieldsOf(record)].map(([key, value]) => `${colors.dim(`${key}=`)}${value}`);
    const head = `${colors.dim(timeOf(record.time))} ${paint(name)} ${printable(String(record.msg ?? ''))}`;
    const line = [head, ...(fields.length > 0 ? [fields.join(' ')] : [])].join(MORE);
    return `${line}\n${options.withStacks ? stackOf(record, colors) : ''}`;
  };
}

function read(json: string): LogRecord | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as LogRecord) : undefined;
  } catch {
    return undefined;
  }
}

function levelOf(level: number, colors: Colors): { readonly name: string; readonly paint: Paint } {
  if (level >= 50) return { name: 'ERROR', paint: colors.red };
  if (level >= 40) return { name: 'WARN ', paint: colors.yellow };
  if (level >= 30) return { name: 'INFO ', paint: colors.green };
  return { name: level >= 20 ? 'DEBUG' : 'TRACE', paint: colors.dim };
}

function* fieldsOf(record: LogRecord): Generator<readonly [name: string, value: string]> {
  for (const [name, value] of Object.entries(record)) {
    if (!SHOWN_ELSEWHERE.has(name) && value !== undefined) yield [printable(name), valueText(value)];
  }
  if (record.err !== undefined) yield ['error', valueText(record.err.message ?? record.err)];
}

/** Bare when it is one word; quoted else, so that where it ends is seen. */
function valueText(value: unknown): string {
  const text = printable(typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value)));
  return text !== '' && !/[\s"=]/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function timeOf(ms: number): string {
  const time = new Date(ms);
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

function stackOf({ err }: LogRecord, colors: Colors): string {
  if (typeof err?.stack !== 'string') return '';
  const lines = err.stack.split('\n').slice(1);
  return lines.map((text) => `${colors.dim(`         ${printable(text)}`)}\n`).join('');
}
