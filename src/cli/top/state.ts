import type { MEASURES } from '../../stats/usage.ts';

export type SortMeasure = (typeof MEASURES)[number];

/** What the live view shows, and of what. */
export interface TopState {
  readonly mode: 'list' | 'help' | 'search' | 'log';
  readonly sort: SortMeasure;
  readonly search: string;
  /** The chosen line of the list of containers, from 0. */
  readonly selected: number;
  readonly isHeld: boolean;
  /** Why the view is not up to date; empty when it is. */
  readonly note: string;
  /** Node and name of the container whose log is shown. */
  readonly logOf: string | undefined;
  readonly log: readonly string[];
}

export const FIRST_STATE: TopState = {
  mode: 'list',
  sort: 'cpus',
  search: '',
  selected: 0,
  isHeld: false,
  note: '',
  logOf: undefined,
  log: [],
};

/** What a key asks for beyond another state. */
export type TopAction = 'leave' | 'open-log' | 'close-log' | 'ask' | undefined;

const SORTS: Readonly<Record<string, SortMeasure>> = { c: 'cpus', m: 'memory', n: 'received', d: 'read' };
const ESCAPE = '\u001b';
const MOST_WORDS = 60;

/** The state after a key, and what is to be done. `count` containers are shown. Pure. */
export function onKey(state: TopState, key: string, count: number): readonly [TopState, TopAction] {
  if (key === '\u0003') return [state, 'leave'];
  if (state.mode === 'search') return onWord(state, key);
  if (key === 'q') return [state, 'leave'];
  if (state.mode === 'log')
    return key === ESCAPE ? [{ ...state, mode: 'list', logOf: undefined, log: [] }, 'close-log'] : [state, undefined];
  if (state.mode === 'help') return [{ ...state, mode: 'list' }, undefined];
  const sort = SORTS[key];
  if (sort) return [{ ...state, sort, selected: 0 }, 'ask'];
  switch (key) {
    case '?':
    case 'h':
      return [{ ...state, mode: 'help' }, undefined];
    case '/':
      return [{ ...state, mode: 'search' }, undefined];
    case 'p':
      return [{ ...state, isHeld: !state.isHeld }, state.isHeld ? 'ask' : undefined];
    case '\u001b[A':
    case 'k':
      return [{ ...state, selected: Math.max(0, state.selected - 1) }, undefined];
    case '\u001b[B':
    case 'j':
      return [{ ...state, selected: Math.max(0, Math.min(count - 1, state.selected + 1)) }, undefined];
    case '\r':
    case 'l':
      return count === 0 ? [state, undefined] : [{ ...state, mode: 'log', log: [] }, 'open-log'];
    case ESCAPE:
      return [{ ...state, search: '', selected: 0 }, 'ask'];
    default:
      return [state, undefined];
  }
}

function onWord(state: TopState, key: string): readonly [TopState, TopAction] {
  if (key === '\r') return [{ ...state, mode: 'list', selected: 0 }, 'ask'];
  if (key === ESCAPE) return [{ ...state, mode: 'list', search: '', selected: 0 }, 'ask'];
  if (key === '\u007f' || key === '\b') return [{ ...state, search: state.search.slice(0, -1) }, undefined];
  const isText = [...key].length === 1 && key >= ' ';
  return isText && state.search.length < MOST_WORDS
    ? [{ ...state, search: state.search + key }, undefined]
    : [state, undefined];
}

/** A chunk of input as single keys: a terminal may send several at once. */
export function keysOf(text: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals send them for keys.
  return text.match(/\u001b\[[\d;]*[A-Za-z~]|\u001bO[A-Z]|[\s\S]/gu) ?? [];
}
