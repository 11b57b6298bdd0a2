import { type Logger as PinoLogger, pino } from 'pino';
import { logFormatter } from './log-text.ts';

/** The logger handed to every part: pino, with child loggers naming the `engine` or `requestId`. */
export type Logger = PinoLogger;

/** Log levels a user may ask for, least to most talkative. */
export const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How lines are written: for people, or as JSON objects for programs. */
export const LOG_FORMATS = ['auto', 'text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** How a logger writes. */
export interface LoggerOptions {
  readonly level?: LogLevel;
  /** Lines for people, in colours or not; undefined writes JSON. */
  readonly text?: { readonly color: boolean } | undefined;
}

/** A logger that writes lines to standard error; secrets never get here because callers log fields, not requests. */
export function createLogger({ level = 'info', text }: LoggerOptions = {}): Logger {
  const lines = pino.destination({ fd: 2, sync: true });
  if (text === undefined) return pino({ level, base: null }, lines);
  const format = logFormatter({ ...text, withStacks: level === 'debug' || level === 'trace' });
  return pino({ level, base: null }, { write: (json) => lines.write(format(json)) });
}

/** A logger that says nothing, for tests and libraries. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
