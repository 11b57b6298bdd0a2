import { type Logger as PinoLogger, pino } from 'pino';

/** The logger handed to every part: pino, with child loggers naming the `engine` or `requestId`. */
export type Logger = PinoLogger;

/** Log levels a user may ask for, least to most talkative. */
export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A logger that writes JSON lines to standard error; secrets never get here because callers log fields, not requests. */
export function createLogger(level: LogLevel = 'info'): Logger {
  return pino({ level, base: null }, pino.destination({ fd: 2, sync: true }));
}

/** A logger that says nothing, for tests and libraries. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
