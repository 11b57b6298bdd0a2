import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { ensureMade } from './ensure.ts';
import { findPatiently } from './find.ts';
import { planned } from './planned.ts';
import { pollUntil } from './poll.ts';
import { isRestRefusal, type RestClient } from './rest.ts';

/** One thing that a driver makes with one POST. */
export interface RestPart {
  /** As in the journal. */
  readonly kind: string;
  /** For people: `firewall`. */
  readonly what: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The body as a dry run prints it: without secrets and long texts. */
  readonly shown?: Readonly<Record<string, unknown>>;
  /** The identifier of the one that an interrupted run made. */
  readonly find: () => Promise<string | undefined>;
  /** Finds the identifier in the provider's answer. */
  readonly idOf: (answer: never) => string | number;
}

/** Makes it, or finds the one that an earlier attempt made; answers its identifier. */
export async function ensurePart(
  context: DriverContext<unknown>,
  api: RestClient,
  { kind, what, path, body, shown, find, idOf }: RestPart,
  signal: AbortSignal,
): Promise<string> {
  const look = async (): Promise<{ id: string } | undefined> => {
    const id = await find();
    return id === undefined ? undefined : { id };
  };
  const make = async (): Promise<{ id: string }> => {
    context.report(`making the ${what}`);
    return await context.change(
      { action: `POST ${path}`, parameters: shown ?? body },
      async () => ({ id: identifierOf(what, idOf, await api.send<never>('POST', path, body, signal)) }),
      { id: planned(what) },
    );
  };
  const plan = { find: () => findPatiently(context, look, signal), make };
  return (await ensureMade(context, kind, plan, isRestRefusal)).id;
}

/** Whatever an answer may look like that is not the provider's own: a proxy answers 200, too. */
function identifierOf(what: string, idOf: RestPart['idOf'], answer: never): string {
  try {
    const id = idOf(answer);
    if (typeof id === 'number' || (typeof id === 'string' && id !== '')) return String(id);
  } catch {
    // It has another form.
  }
  throw new DriverError(
    `the answer to making the ${what} does not say what was made. Check the address of the API and run the same command again`,
    'DRIVER',
  );
}

const GONE_MS = 5 * 60_000;

/**
 * Deletes and waits until it is gone; false when there was no such thing. While `isInUse` says so of the refusal, it is tried
 * again: a firewall is in use until its server is gone.
 */
export function deletePart(
  context: DriverContext<unknown>,
  api: RestClient,
  path: string,
  signal: AbortSignal,
  isInUse: (error: unknown) => boolean = () => false,
): Promise<boolean> {
  const wait = { what: `${path} to go`, timeoutMs: GONE_MS };
  const attempt = async (): Promise<boolean | undefined> =>
    await api.remove(path, signal).catch((error: unknown) => {
      if (!isInUse(error)) throw error;
      return undefined;
    });
  const isGone = async (): Promise<true | undefined> =>
    (await api.find(path, signal)) === undefined ? true : undefined;
  const make = async (): Promise<boolean> =>
    (await pollUntil(context, wait, attempt, signal)) && (await pollUntil(context, wait, isGone, signal));
  return context.change({ action: `DELETE ${path}` }, make, true);
}

/** Identifiers are numbers to some providers, text to the journal; a dry run's stand-in stays as it is. */
export function numberOf(id: string): number | string {
  return /^\d+$/.test(id) ? Number(id) : id;
}
