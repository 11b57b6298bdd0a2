/** Kinds of records that an exported state holds. */
export const EXPORTED: readonly string[] = [
  'agents',
  'container-bodies',
  'containers',
  'healthy-nodes',
  'homes',
  'kept-sources',
  'kept-volumes',
  'mesh',
  'networks',
  'node-settings',
  'nodes',
  'price-lists',
  'released',
  'revoked-agents',
  'stops',
  'substrate',
  'substrate-endpoints',
  'tombstones',
  'volumes',
];

/**
 * Kinds that it does not hold. `state`: the incarnation, which each state has for itself; `plans`: what was being carried out then;
 * `managers`: who managed then.
 */
export const KEPT_BACK: readonly string[] = ['managers', 'plans', 'state'];

/** Kinds that each of several managers keeps for itself: what it saw. */
export const OWN_KINDS: ReadonlySet<string> = new Set(['nodes', 'healthy-nodes']);

/** Notes: what nodes held when they were last seen; see `state-store.ts`. */
const NOTES = '~';

/** Whether a key of a manager's own store counts when the others of its records are in a store that several share. */
export function isOwnKey(key: string): boolean {
  return key.startsWith(NOTES) || OWN_KINDS.has(key.slice(0, key.indexOf('/')));
}

/** Whether an exported state holds what a store has under a key. */
export function keptKind(key: string): boolean {
  return key.startsWith(NOTES) || EXPORTED.includes(key.slice(0, key.indexOf('/')));
}

/**
 * A value as an imported state has it. Older copies that were to be ended when the state was exported may be what runs by now, so
 * they are not known any more; a move that was under way is over.
 */
export function revivedValue(key: string, value: string): string {
  if (!key.startsWith('containers/')) return value;
  const { stale: _stale, move: _move, ...record } = JSON.parse(value) as Record<string, unknown>;
  return JSON.stringify(record);
}
