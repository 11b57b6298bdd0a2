import { nearest } from '../../common/nearest.ts';
import { DriverError } from '../errors.ts';

/** Something a provider was asked for by name and does not offer. */
export interface Misnamed {
  /** As people call the provider: `Linode`. */
  readonly provider: string;
  /** What it is: `region`, `plan`. */
  readonly what: string;
  /** With its preposition, where that matters: `in ams`. */
  readonly where?: string | undefined;
  readonly given: string;
  /** The provider's own list. */
  readonly offered: readonly string[];
}

const SUGGESTED = 3;
const LISTED = 12;

/** A {@link DriverError} that names what is nearest in the provider's own list, else the list's beginning. */
export function notOffered({ provider, what, where, given, offered }: Misnamed): DriverError {
  const near = nearestNames(given, offered);
  const rest = offered.length > LISTED ? ` and ${offered.length - LISTED} more` : '';
  const all = offered.length === 0 ? 'none' : `${offered.slice(0, LISTED).join(', ')}${rest}`;
  const advice = near.length > 0 ? `Did you mean ${near.join(', ')}?` : `There are: ${all}`;
  return new DriverError(
    `${provider} has no ${what} ${given}${where === undefined ? '' : ` ${where}`}. ${advice}`,
    'BAD_OPTIONS',
  );
}

/** A thing at a provider, as people may ask for it. */
export interface Choice<T> {
  readonly thing: T;
  readonly id: string;
  readonly name: string;
}

/** The thing with the given ID, else the one of that name. Throws a {@link DriverError} when there is none or several have the name. */
export function chosenOf<T>(all: readonly Choice<T>[], asked: Omit<Misnamed, 'offered'>): T {
  const { provider, what, where, given } = asked;
  const byId = all.find(({ id }) => id === given);
  if (byId !== undefined) return byId.thing;
  const [named, ...others] = all.filter(({ name }) => name === given);
  if (named === undefined) throw notOffered({ ...asked, offered: all.map(({ name, id }) => name || id) });
  if (others.length === 0) return named.thing;
  const place = where === undefined ? '' : ` ${where}`;
  const ids = [named, ...others].slice(0, LISTED).map(({ id }) => id);
  throw new DriverError(
    `${provider} has more than one ${what} ${given}${place}: say which by its ID, as in ${ids.join(', ')}`,
    'BAD_OPTIONS',
  );
}

function nearestNames(word: string, names: readonly string[]): readonly string[] {
  const left = new Map(names.map((name) => [name.toLowerCase(), name]));
  const found = [...left.values()]
    .filter((name) => word !== '' && name.toLowerCase().includes(word.toLowerCase()))
    .slice(0, SUGGESTED);
  for (const name of found) left.delete(name.toLowerCase());
  while (found.length < SUGGESTED) {
    const near = nearest(word, [...left.keys()]);
    if (near === undefined) break;
    found.push(left.get(near) ?? near);
    left.delete(near);
  }
  return found;
}
