import { reasonOf } from '../common/errors.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { jointRequest } from '../scheduler/joint-request.ts';
import type { Decision, Home, NodeView, PlacementRequest } from '../scheduler/types.ts';
import { estimateFor } from './estimate.ts';
import { groupsOf } from './groups.ts';
import { lossesOf } from './losses.ts';
import type {
  MoveEstimate,
  Plan,
  PlannedContainer,
  PlannedCopy,
  PlannedMove,
  PlannedNode,
  PlannedStay,
} from './plan.ts';
import { mannerOf } from './plan-drain.ts';
import { neighboursOf } from './plan-failover.ts';
import { distinctCopies } from './planned-copies.ts';
import type { Stage } from './stage.ts';

/** A container that may be moved while its node is healthy, with what a planner must know of it. */
export interface MoveCandidate {
  readonly record: ContainerRecord;
  readonly spec: ContainerSpec;
  readonly from: PlannedNode;
  /** It runs, and no health check of it fails. */
  readonly isWell: boolean;
  readonly copies: readonly PlannedCopy[];
  /** IDs of containers that it shares a node with because they refer to it. */
  readonly dependents: readonly string[];
  /** IDs of containers that use its volumes, too: all of these move as one, or none does. Default none. */
  readonly sharers?: readonly string[];
  /** Why it is among them, in words, when nobody named it. */
  readonly because?: string;
  /** Of all that move as one with it. */
  readonly estimate: MoveEstimate;
}

/** What a planner of moves asks beside the stage. */
export interface MoveQuestions {
  /** The ID of the container that a reference means. */
  readonly idOf: (reference: string) => string | undefined;
  readonly nameOf: (id: string) => string;
  /** The nodes that it is bound to, but for what comes along. Throws for unknown ones. */
  readonly homesOf: (candidate: MoveCandidate) => readonly Home[];
  /** Nodes that cannot take it, by ID, with the reason. */
  readonly refusalsFor: (candidate: MoveCandidate) => ReadonlyMap<string, string>;
  /** Whether it is on networks that span nodes. */
  readonly spans: (spec: ContainerSpec) => boolean;
}

export interface MoveInput {
  readonly candidates: readonly MoveCandidate[];
  /** Those that cannot move wherever to; they are part of the plan. */
  readonly stays: readonly PlannedStay[];
  /** Nodes that are not meant, by ID, with the reason. */
  readonly excluded: ReadonlyMap<string, string>;
  /** Whether a node is one of those that are meant. */
  readonly isMeant: (nodeId: string) => boolean;
  /** The one node that is meant; undefined when the scheduler may choose. */
  readonly to?: PlannedNode | undefined;
  readonly stage: Stage;
  readonly questions: MoveQuestions;
}

/**
 * Where containers go that a person wants elsewhere. Those that share something go together, or none of them does. Of a service's replicas those
 * that are not well go first. Synchronous, see `planFailover`.
 */
export function planMove(input: MoveInput): Plan {
  // Where a node was named, or a label, what is there is where it should be.
  const isThere = ({ from }: MoveCandidate): boolean => input.excluded.size > 0 && input.isMeant(from.id);
  const leaving = input.candidates.filter((candidate) => !isThere(candidate));
  const placed = leaving.map((candidate) => ({
    ...candidate,
    needs: needsOf(candidate, input.questions),
    near: candidate.sharers ?? [],
  }));
  const groups = groupsOf(placed, ({ record }) => record.id ?? '');
  const moves: PlannedMove[] = [];
  const there = input.candidates.filter(isThere);
  const stays: PlannedStay[] = [
    ...input.stays,
    ...there.map((each) => ({ ...placeOf(each), why: `it is on ${each.from.name} already`, waits: false })),
  ];
  const ids = new Set(leaving.map(({ record }) => record.id ?? ''));
  for (const group of groups.toSorted(unwellFirst)) {
    const node = placeGroup(input, group, ids);
    for (const each of group) {
      if (typeof node === 'string') stays.push({ ...placeOf(each), why: node, waits: false });
      else {
        const why = each.because ?? 'it was asked for';
        moves.push(moveOf(each, { node, why, questions: input.questions, group }));
      }
    }
  }
  return { reason: { kind: 'move' }, moves, stays };
}

export type NeedingCandidate = MoveCandidate & { readonly needs: readonly string[] };

function unwellFirst(a: readonly MoveCandidate[], b: readonly MoveCandidate[]): number {
  const well = (group: readonly MoveCandidate[]): number => Number(group.every(({ isWell }) => isWell));
  return well(a) - well(b);
}

function needsOf({ spec, dependents }: MoveCandidate, { idOf }: MoveQuestions): readonly string[] {
  return [...neighboursOf(spec).flatMap((reference) => idOf(reference) ?? []), ...dependents];
}

/** The node, on which they count from now on, or why there is none. */
function placeGroup(
  { excluded, questions, stage, to, isMeant }: MoveInput,
  group: readonly MoveCandidate[],
  moving: ReadonlySet<string>,
): NodeView | string {
  const ids = new Set(group.map(({ record }) => record.id ?? ''));
  const left = group.flatMap(({ dependents }) => dependents).find((id) => !ids.has(id));
  if (left !== undefined) return `${questions.nameOf(left)} needs it on its node: move both`;
  const own = new Map(group.map(({ from }) => [from.id, OWN] as const));
  const request = requestOf(group, { questions, moving, excluded: new Map([...excluded, ...own]) });
  if (typeof request === 'string') return request;
  const decision = stage.decide(request);
  if (decision.kind === 'placed') {
    for (const { spec } of group) stage.place(decision.node, spec.placement, spec.labels);
    return decision.node;
  }
  const refusals = [...(request.excluded ?? [])].filter(([id]) => isMeant(id) && !own.has(id)).map(([, why]) => why);
  return refusalOf(decision, refusals, to);
}

type Refusal = Extract<Decision, { readonly kind: 'refused' }>;

const OWN = 'it is there already';

/** In words, without the nodes that were not meant. */
export function refusalOf({ reasons, message }: Refusal, others: readonly string[], to?: PlannedNode): string {
  const explained = reasons.flatMap(({ filter, explanation }) => (filter === 'excluded' ? [] : explanation));
  const why = [...new Set([...explained, ...others])].join('; ');
  if (why === '') return to ? `${to.name} cannot take it: ${message}` : 'there is no other node';
  return to ? `${to.name} cannot take it: ${why}` : `no other node can take it: ${why}`;
}

/** What the scheduler is asked for, or why it need not be. */
export function requestOf(
  group: readonly MoveCandidate[],
  {
    questions,
    moving,
    excluded,
  }: {
    readonly questions: MoveQuestions;
    /** IDs of all that leave their places. */
    readonly moving: ReadonlySet<string>;
    readonly excluded: ReadonlyMap<string, string>;
  },
): PlacementRequest | string {
  const members = new Set(group.map(({ record }) => record.id));
  const requests = group.map(({ spec }) => spec.placement) as [PlacementRequest, ...PlacementRequest[]];
  try {
    return {
      ...jointRequest(requests, (reference) => members.has(questions.idOf(reference)), moving),
      homes: group.flatMap((each) => questions.homesOf(each)),
      excluded: new Map([...group.flatMap((each) => [...questions.refusalsFor(each)]), ...excluded]),
      replaces: moving,
    };
  } catch (error) {
    return reasonOf(error);
  }
}

/** The move of one container to a node that was decided for. */
export function moveOf(
  candidate: MoveCandidate,
  {
    node,
    why,
    questions,
    group = [],
  }: {
    readonly node: PlannedNode;
    readonly why: string;
    readonly questions: Pick<MoveQuestions, 'spans'>;
    readonly group?: readonly NeedingCandidate[];
  },
): PlannedMove {
  const { record, spec, from, estimate } = candidate;
  const needs = group.find((each) => each.record.key === record.key)?.needs ?? [];
  const after = group.flatMap((each) => (needs.includes(each.record.id ?? '') ? each.record.key : []));
  const unit = unitOf(candidate, group);
  const together = unit.map((each) => each.record.key);
  const earlier = after.filter((key) => isBefore(group, key, record.key) && !together.includes(key));
  const copies = copiesOfUnit(candidate, unit);
  const isCopied = copies.length > 0 || unit.length > 0;
  const manner = isCopied ? ({ how: 'stop-first', why } as const) : mannerOf(record, spec, why);
  const losses = lossesOf(spec, record.terms).filter((loss) => loss === 'writable layer');
  return {
    container: plannedOf(record),
    from,
    to: { id: node.id, name: node.name },
    ...manner,
    generation: record.current.generation,
    loses: losses,
    estimate: estimateFor(manner.how, estimate),
    ...(questions.spans(spec) && { spans: true }),
    ...(earlier.length > 0 && { after: earlier }),
    ...(copies.length > 0 && { copies }),
    ...(together.length > 0 && { together }),
    ...(spec.placement.group !== undefined && { group: groupName(spec.placement.group) }),
  };
}

/** All that move as one with a candidate, in order; none for one that shares nothing. */
function unitOf({ record, sharers = [] }: MoveCandidate, group: readonly MoveCandidate[]): readonly MoveCandidate[] {
  if (sharers.length === 0) return [];
  return group.filter((each) => each.record.id === record.id || sharers.includes(each.record.id ?? ''));
}

/** Each volume once: the first of those that move as one has them all. */
function copiesOfUnit(candidate: MoveCandidate, unit: readonly MoveCandidate[]): readonly PlannedCopy[] {
  if (unit.length === 0) return candidate.copies;
  if (unit[0]?.record.key !== candidate.record.key) return [];
  return distinctCopies(unit.flatMap(({ copies }) => copies));
}

/** Two that need each other have an order all the same. */
function isBefore(group: readonly NeedingCandidate[], key: string, other: string): boolean {
  const at = (each: string): number => group.findIndex(({ record }) => record.key === each);
  return at(key) < at(other);
}

export function plannedOf({ key, id = '', name }: ContainerRecord): PlannedContainer {
  return { key, id, name };
}

export function placeOf({ record, from }: MoveCandidate): Pick<PlannedStay, 'container' | 'node'> {
  return { container: plannedOf(record), node: from };
}

/** `project/service`, or the group's own name. */
export function groupName(group: string): string {
  return group.split('\0').slice(1).join('/');
}
