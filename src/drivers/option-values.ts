import { UsageError } from '../common/errors.ts';
import type { DriverOption, OptionValue, OptionValues } from './options.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Values of a driver's options: what was `given` (by flag, as text, number, boolean or list), else the environment, else the
 * default. Throws a UsageError that names the flag, and for a missing one the environment variable too.
 */
export function resolveOptions(
  driver: string,
  options: readonly DriverOption[],
  given: OptionValues,
  env: Env,
): Readonly<Record<string, OptionValue>> {
  const known = new Set(options.map(({ flag }) => flag));
  const stray = Object.keys(given).find((flag) => given[flag] !== undefined && !known.has(flag));
  if (stray !== undefined) throw new UsageError(`--${stray} is not a flag of the driver ${driver}`);
  const values: Record<string, OptionValue> = {};
  for (const option of options) {
    const value = chosenValue(option, given[option.flag], env);
    if (value !== undefined) values[option.flag] = value;
    else if (option.isRequired) throw missing(driver, option);
  }
  return values;
}

/** The option that says where the machine is, with its new value, checked. Throws a UsageError when its driver has none. */
export function readdressed(
  driver: string,
  options: readonly DriverOption[],
  address: string,
): Readonly<Record<string, OptionValue>> {
  const option = options.find(({ isAddress }) => isAddress);
  if (option === undefined)
    throw new UsageError(`the driver ${driver} asks its provider where a machine is: leave --address out`);
  assertFine(option, address);
  return { [option.flag]: address };
}

/** The values that go into the store: nothing transient, and no credentials unless `withSecrets`. */
export function storable(
  options: readonly DriverOption[],
  values: Readonly<Record<string, OptionValue>>,
  withSecrets: boolean,
): Readonly<Record<string, OptionValue>> {
  const kept = options.filter(
    ({ flag, isSecret, isTransient }) => (withSecrets || !isSecret) && !isTransient && values[flag] !== undefined,
  );
  return Object.fromEntries(kept.map(({ flag }) => [flag, values[flag] as OptionValue]));
}

function chosenValue(option: DriverOption, given: OptionValue | undefined, env: Env): OptionValue | undefined {
  const fromEnv = option.env?.map((name) => env[name]).find((text) => text !== undefined && text !== '');
  const raw = given ?? fromEnv ?? option.default;
  if (raw === undefined) return option.type === 'boolean' ? false : option.type === 'strings' ? [] : undefined;
  const value = convert(option, raw);
  for (const each of Array.isArray(value) ? (value as readonly string[]) : [value]) assertFine(option, each);
  return value;
}

function convert(option: DriverOption, raw: OptionValue): OptionValue {
  switch (option.type) {
    case 'boolean':
      return typeof raw === 'boolean' ? raw : toBoolean(option, String(raw));
    case 'strings':
      if (Array.isArray(raw)) return raw as readonly string[];
      return String(raw)
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '');
    case 'number': {
      const value = typeof raw === 'string' && raw.trim() === '' ? Number.NaN : Number(raw);
      if (!Number.isFinite(value)) throw new UsageError(`--${option.flag} "${raw}" is not a number`);
      return value;
    }
    case 'string':
      return String(raw);
  }
}

function toBoolean(option: DriverOption, text: string): boolean {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new UsageError(`--${option.flag} "${text}" is neither true nor false`);
}

function assertFine(option: DriverOption, value: OptionValue): void {
  const { flag, choices, problem } = option;
  const shown = option.isSecret ? '(hidden)' : `"${value}"`;
  if (choices !== undefined && !choices.includes(String(value)))
    throw new UsageError(`--${flag} ${shown} is none of ${choices.join(', ')}`);
  const wrong = typeof value === 'string' || typeof value === 'number' ? problem?.(value) : undefined;
  if (wrong !== undefined) throw new UsageError(`--${flag} ${shown} ${wrong}`);
}

function missing(driver: string, option: DriverOption): UsageError {
  const names = option.env?.map((name) => `$${name}`).join(' or ');
  const where = names === undefined ? `give --${option.flag}` : `give --${option.flag} or set ${names}`;
  return new UsageError(`the driver ${driver} needs ${option.help}: ${where}`, 'MISSING_OPTION');
}
