/** Details of a {@link ClusterError}. */
export interface ClusterErrorOptions {
  /** Stable upper-case identifier callers branch on. */
  readonly code: string;
  /** HTTP status the API answers with. */
  readonly status: number;
  readonly cause?: unknown;
  /** Exit code of a command line that ends with it; absent: 1, or 2 for a {@link UsageError}. */
  readonly exitCode?: number | undefined;
}

/** Base of every error we raise on purpose: a one-line message, a stable `code`, the HTTP `status` it becomes. */
export class ClusterError extends Error {
  readonly code: string;
  readonly status: number;
  readonly exitCode: number | undefined;

  constructor(message: string, options: ClusterErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
    this.status = options.status;
    this.exitCode = options.exitCode;
  }

  /** What the other side said, line by line, beyond the message; shown with `--debug`. */
  get details(): readonly string[] {
    return [];
  }
}

/** Something named does not exist (404). */
export class NotFoundError extends ClusterError {
  constructor(message: string, code: string = 'NOT_FOUND', cause?: unknown) {
    super(message, { code, status: 404, cause });
  }
}

/** A name is taken or the state forbids the operation (409). */
export class ConflictError extends ClusterError {
  constructor(message: string, code: string = 'CONFLICT', cause?: unknown) {
    super(message, { code, status: 409, cause });
  }
}

/** The client sent something we cannot read (400). */
export class BadRequestError extends ClusterError {
  constructor(message: string, code: string = 'BAD_REQUEST', cause?: unknown) {
    super(message, { code, status: 400, cause });
  }
}

/** No node can take the container; the message explains which filter refused how many nodes. */
export class SchedulingError extends ClusterError {
  constructor(message: string, code: string = 'NO_NODE', status: number = 500) {
    super(message, { code, status });
  }
}

/** An engine could not be reached or did not answer in time. An engine's own error answers pass through unchanged instead. */
export class EngineError extends ClusterError {
  constructor(message: string, code: string = 'ENGINE_UNREACHABLE', cause?: unknown, status: number = 502) {
    super(message, { code, status, cause });
  }
}

/** A discovery backend failed or an entry cannot be read. */
export class DiscoveryError extends ClusterError {
  constructor(message: string, code: string = 'DISCOVERY', cause?: unknown) {
    super(message, { code, status: 500, cause });
  }
}

/** A machine could not be made or changed: what was tried, why it failed, and what to do next, on one line. */
export class DriverError extends ClusterError {
  constructor(message: string, code: string = 'DRIVER', cause?: unknown) {
    super(message, { code, status: 500, cause });
  }
}

/** The command line is wrong (exit code 2). */
export class UsageError extends ClusterError {
  constructor(message: string, code: string = 'USAGE') {
    super(message, { code, status: 400 });
  }
}

/** A program run for the person ended with this code, having said why itself: the command line ends with the same code. */
export class ExitStatus extends ClusterError {
  override readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message, { code: 'EXIT_STATUS', status: 500 });
    this.exitCode = exitCode;
  }
}

/** The innermost readable reason of any thrown value, on one line. */
export function reasonOf(error: unknown): string {
  const text = clipped(error instanceof Error ? innermost(error) : String(error));
  return text.replace(/\s*\n\s*/g, ' ').trim();
}

/** Longer messages carry content from outside. */
const MAX_MESSAGE_CHARS = 4_096;

/** The start of a text that is too long to read. */
export function clipped(text: string): string {
  return text.length <= MAX_MESSAGE_CHARS ? text : `${text.slice(0, MAX_MESSAGE_CHARS)}…`;
}

/** Why a file could not be read, in words. */
export function fileProblem(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  return code === 'EISDIR' ? 'it is a folder' : reasonOf(error);
}

function innermost(error: Error): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}
