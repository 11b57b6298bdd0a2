import type { Cluster } from '../cluster/cluster.ts';
import type { CopyPlace, Identities, KnownCopy } from '../cluster/identities.ts';
import { type Attempts, readAttempt } from './attempts.ts';
import type { DesiredState, RecordChanged } from './desired-state.ts';
import { showOwedStops } from './owed-stops.ts';
import type { ContainerRecord, Copy } from './record.ts';
import { copiesOf, type RecordedCopy, type RecordIndex } from './record-index.ts';

/**
 * Lets the model show containers as records say, from now on: each once, under its lasting identity, without the copies that are made or
 * left behind by moves. To be called before there are nodes; returns what ends it.
 */
export function showAsRecorded(cluster: Cluster, desired: DesiredState, attempts: Attempts): () => void {
  cluster.identify(new RecordedIdentities(desired.index, attempts));
  const ends = [
    desired.subscribe((change) => {
      if (change.before && !change.after) rememberRemoved(cluster, change.before);
      if (!isOwnCreate(change, attempts)) cluster.reconsider(placesOf(change), reasonOfMove(change));
    }),
    showOwedStops(cluster, desired),
  ];
  return () => {
    for (const end of ends) end();
  };
}

class RecordedIdentities implements Identities {
  readonly #index: RecordIndex;
  readonly #attempts: Attempts;

  constructor(index: RecordIndex, attempts: Attempts) {
    this.#index = index;
    this.#attempts = attempts;
  }

  of(nodeId: string, engineId: string, attempt: string | undefined, isNew = false): KnownCopy | undefined {
    const found = this.#index.byEngineId(engineId) ?? this.#byAttempt(nodeId, attempt);
    if (found) return this.#isUnanswered(found) ? UNANSWERED : known(found);
    const record = this.#index.byFormerId(engineId) ?? this.#index.byId(engineId);
    if (record) return { ...identityOf(record), role: 'stale', isSuccessor: false, isStoppedForMove: false };
    return this.#isLeftover(attempt, isNew) ? UNANSWERED : undefined;
  }

  hasName(name: string): boolean {
    return this.#index.byName(name) !== undefined;
  }

  /** Made for a create whose client was refused; or for one of which nothing was written before the manager ended, unless it was judged since. */
  #isLeftover(label: string | undefined, isNew: boolean): boolean {
    const attempts = this.#attempts;
    const mark = readAttempt(label);
    if (!mark || !attempts.isOurs(mark)) return false;
    if (attempts.isGivenUp(mark.attempt)) return true;
    if (!isNew || !attempts.areResolvedHere || attempts.isUnderWay(mark.attempt)) return false;
    return !attempts.isAdmitted(mark.attempt) && this.#index.byAttempt(mark.attempt) === undefined;
  }

  /**
   * A create that was interrupted: its client had no answer, and what becomes of it is decided in a moment. That is so where such creates are resolved: to a
   * replica it may as well be one whose end has not been told yet.
   */
  #isUnanswered({ record, copy }: RecordedCopy): boolean {
    if (record.id !== undefined || copy.engineId !== undefined) return false;
    const attempts = this.#attempts;
    if (attempts.isGivenUp(copy.attempt)) return true;
    return attempts.areResolvedHere && !attempts.isUnderWay(copy.attempt);
  }

  /** Only as long as a record does not know the ID of its copy: a label comes along when a container is made from another's inspection. */
  #byAttempt(nodeId: string, label: string | undefined): RecordedCopy | undefined {
    const mark = readAttempt(label);
    const found = mark && this.#attempts.isOurs(mark) ? this.#index.byAttempt(mark.attempt) : undefined;
    return found?.copy.engineId === undefined && found?.copy.nodeId === nodeId ? found : undefined;
  }
}

/** Made for a client that was told otherwise, or nothing: it is out of sight. */
const UNANSWERED: KnownCopy = {
  role: 'next',
  id: undefined,
  formerIds: [],
  isSuccessor: false,
  isStoppedForMove: false,
};

/** Asked several times in each create and start: a literal, for V8 makes a spread at many times its cost. */
function known({ record, copy, role }: RecordedCopy): KnownCopy {
  return {
    id: record.id,
    formerIds: record.formerIds ?? NONE,
    role,
    isSuccessor: copy.generation > 0,
    isStoppedForMove: role === 'current' && record.move?.how === 'stop-first',
  };
}

const NONE: readonly string[] = [];

/** Past events of a container that was moved are told under its identity also when it is gone. */
function rememberRemoved({ engineMessages }: Cluster, record: ContainerRecord): void {
  const { id, current, formerIds = [] } = record;
  if (id === undefined || current.generation === 0) return;
  const earlier = { ...identityOf(record), role: 'stale', isSuccessor: false, isStoppedForMove: false } as const;
  for (const engineId of [id, ...formerIds]) engineMessages.hasBeen(engineId, earlier);
  if (current.engineId !== undefined)
    engineMessages.hasBeen(current.engineId, known({ record, copy: current, role: 'current' }));
}

function identityOf({ id, formerIds = [] }: ContainerRecord): Pick<KnownCopy, 'id' | 'formerIds'> {
  return { id, formerIds };
}

/** The copies of which a record says something else than before. */
function placesOf({ before, after }: RecordChanged): readonly CopyPlace[] {
  if (before && after && saysTheSame(before, after)) return [];
  const [earlier, now] = [saidBy(before), saidBy(after)];
  const places: CopyPlace[] = [];
  for (const [engineId, { copy, said }] of new Map([...earlier, ...now]))
    if (said !== earlier.get(engineId)?.said || !now.has(engineId)) places.push({ nodeId: copy.nodeId, engineId });
  return places;
}

/** A create under way learnt its engine's ID: what it makes has been shown under that one since it was listed. */
function isOwnCreate({ before, after }: RecordChanged, attempts: Attempts): boolean {
  if (!before || !after || before.id !== undefined || before.current.engineId !== undefined) return false;
  return after.id === after.current.engineId && attempts.isUnderWay(after.key) && !after.move && !after.stale;
}

/** Most changes are of this kind, and seen at a glance: of what is wanted, or of the terms. */
function saysTheSame(before: ContainerRecord, after: ContainerRecord): boolean {
  return (
    before.id === after.id &&
    before.current === after.current &&
    before.move === after.move &&
    before.stale === after.stale &&
    before.formerIds === after.formerIds
  );
}

/** What a record says of each of its copies that has an ID. */
function saidBy(
  record: ContainerRecord | undefined,
): ReadonlyMap<string, { readonly copy: Copy; readonly said: string }> {
  const copies = record ? copiesOf(record) : [];
  const identity = record && `${record.id} ${record.formerIds?.join()}`;
  return new Map(
    copies.flatMap(({ copy, role }) =>
      copy.engineId === undefined ? [] : [[copy.engineId, { copy, said: `${role} ${identity}` }] as const],
    ),
  );
}

function reasonOfMove({ before, after }: RecordChanged): string | undefined {
  if (!before || !after || before.current.attempt === after.current.attempt) return undefined;
  return before.move?.why ?? 'moved';
}
