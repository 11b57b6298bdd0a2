import { reasonOf } from '../common/errors.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { jointRequest } from '../scheduler/joint-request.ts';
import type { Home, NodeView, PlacementRequest } from '../scheduler/types.ts';
import { estimateFor, WITHOUT_COPIES } from './estimate.ts';
import { groupsOf } from './groups.ts';
import { lossesOf } from './losses.ts';
import { hindranceOf } from './movability.ts';
import {
  type MoveHow,
  nodesOf,
  type Plan,
  type PlannedContainer,
  type PlannedMove,
  type PlannedNode,
  type PlannedStay,
  type PlanReason,
} from './plan.ts';
import type { Stage } from './stage.ts';

/** A record of a lost node, with what its successor would be made from; undefined when that could not be read. */
export interface Candidate {
  readonly record: ContainerRecord;
  readonly spec: ContainerSpec | undefined;
  /** Why it cannot be made anew on any node, in words. */
  readonly lacks?: string | undefined;
}

/** What a planner asks beside the stage. */
export interface PlanQuestions {
  /** The ID of the container that a reference means. */
  readonly idOf: (reference: string) => string | undefined;
  /** The nodes that volumes and networks live on. Throws for unknown ones. */
  readonly homesOf: (spec: ContainerSpec, discardsData: boolean) => readonly Home[];
  /** Nodes that cannot take it, by ID, with the reason. */
  readonly refusalsFor: (spec: ContainerSpec) => ReadonlyMap<string, string>;
  /** Whether it is on networks that span nodes. */
  readonly spans?: (spec: ContainerSpec) => boolean;
  /** Why it must not move yet. */
  readonly notYet?: (record: ContainerRecord, spec: ContainerSpec) => Delay | undefined;
}

/** Why a container does not move yet. */
export interface Delay {
  /** In words that stay as they are while it waits: each other reason is told. */
  readonly why: string;
  /** How long that holds, in milliseconds, where it is known. */
  readonly forMs?: number;
}

/** How a container leaves its node. */
export interface Manner {
  readonly how: MoveHow;
  /** In words. */
  readonly why: string;
}

export interface FailoverInput {
  readonly reason: PlanReason;
  readonly candidates: readonly Candidate[];
  /** The cluster's policy, for containers that say nothing. */
  readonly policy: MovePolicy;
  readonly stage: Stage;
  readonly questions: PlanQuestions;
  /** Default: its node is lost. */
  readonly mannerOf?: (record: ContainerRecord, spec: ContainerSpec, from: PlannedNode) => Manner;
}

/**
 * Where the containers of lost nodes go, and why those stay that do not. The most important ones are placed first; those that share something go
 * together, or none of them does. Synchronous: what it decides counts on the stage, and nothing else changes meanwhile.
 */
export function planFailover(input: FailoverInput): Plan {
  const planner = new FailoverPlanner(input);
  return planner.plan();
}

const UNREADABLE = 'what it was made from cannot be read';

/** A container that may move. */
interface Movable {
  readonly record: ContainerRecord;
  readonly spec: ContainerSpec;
  /** IDs of those it depends on. */
  readonly needs: readonly string[];
}

class FailoverPlanner {
  readonly #input: FailoverInput;
  readonly #left: ReadonlyMap<string, PlannedNode>;
  readonly #emptied: ReadonlyMap<string, PlannedNode>;
  readonly #ids: ReadonlySet<string>;
  readonly #moves: PlannedMove[] = [];
  readonly #stays: PlannedStay[] = [];
  /** Why those stay that others may depend on, by ID. */
  readonly #staying = new Map<string, string>();

  constructor(input: FailoverInput) {
    this.#input = input;
    const { reason } = input;
    const emptied = reason.kind === 'failover' ? (reason.emptied ?? []) : [];
    this.#emptied = new Map(emptied.map((node) => [node.id, node]));
    this.#left = new Map(nodesOf(input.reason).map((node) => [node.id, node]));
    this.#ids = new Set(input.candidates.map(({ record }) => record.id ?? ''));
  }

  plan(): Plan {
    const movable = this.#input.candidates.flatMap((candidate) => this.#movable(candidate));
    const groups = groupsOf(movable, ({ record }) => record.id ?? '');
    const priority = (group: readonly Movable[]): number =>
      Math.max(...group.map(({ record }) => record.terms.priority));
    const name = (group: readonly Movable[]): string => group[0]?.record.name ?? '';
    groups.sort((a, b) => priority(b) - priority(a) || (name(a) < name(b) ? -1 : 1));
    for (const group of groups) this.#placeGroup(group);
    const priorities = new Map(this.#input.candidates.map(({ record }) => [record.key, record.terms.priority]));
    const priorityOf = ({ container }: PlannedStay): number => priorities.get(container.key) ?? 0;
    const stays = this.#stays.toSorted((a, b) => priorityOf(b) - priorityOf(a));
    return { reason: this.#input.reason, moves: this.#moves, stays };
  }

  #movable({ record, spec, lacks }: Candidate): Movable[] {
    const { policy, questions } = this.#input;
    if (record.id === undefined) return [];
    const hindrance = hindranceOf(record, policy);
    const delay = hindrance || !spec ? undefined : questions.notYet?.(record, spec);
    const hinders = (): string | undefined => (spec ? (delay?.why ?? this.#tie(record, spec) ?? lacks) : UNREADABLE);
    const why = hindrance ? hindrance.why : hinders();
    if (why !== undefined || !spec) {
      this.#stay(record, why ?? '', hindrance ?? { waits: true, forMs: delay?.forMs });
      return [];
    }
    const needs = neighboursOf(spec).flatMap((reference) => questions.idOf(reference) ?? []);
    return [{ record, spec, needs }];
  }

  /** What it would leave behind on a lost node. */
  #tie(record: ContainerRecord, spec: ContainerSpec): string | undefined {
    try {
      const homes = this.#input.questions.homesOf(spec, record.terms.discardsData === true);
      const home = homes.find(({ nodeId }) => this.#left.has(nodeId));
      return home && `it is bound to its node: ${home.reason}`;
    } catch {
      return undefined; // The same question is asked again when it is placed, and says why then.
    }
  }

  #placeGroup(group: readonly Movable[]): void {
    const missing = group.flatMap(({ needs }) => needs).find((id) => this.#staying.has(id));
    const why =
      missing === undefined ? this.#tryGroup(group) : `what it depends on stays: ${this.#staying.get(missing)}`;
    if (why !== undefined) for (const { record } of group) this.#stay(record, why, { waits: true });
  }

  /** Undefined when they have a node now, else why not. */
  #tryGroup(group: readonly Movable[]): string | undefined {
    const { stage } = this.#input;
    const request = this.#tried(group);
    if (typeof request === 'string') return request;
    const decision = stage.decide(request);
    if (decision.kind === 'refused') return decision.message;
    const { node } = decision;
    for (const each of group) {
      stage.place(node, each.spec.placement, each.spec.labels);
      this.#moves.push(this.#moveOf(each, group, node));
    }
    return undefined;
  }

  /** What to ask the scheduler for, or why that need not be asked. */
  #tried(group: readonly Movable[]): PlacementRequest | string {
    const { questions } = this.#input;
    const members = new Set(group.map(({ record }) => record.id));
    const requests = group.map(({ spec }) => spec.placement) as [PlacementRequest, ...PlacementRequest[]];
    try {
      return {
        ...jointRequest(requests, (reference) => members.has(questions.idOf(reference)), this.#ids),
        homes: group.flatMap(({ spec, record }) => questions.homesOf(spec, record.terms.discardsData === true)),
        excluded: new Map([
          ...group.flatMap(({ spec }) => [...questions.refusalsFor(spec)]),
          ...[...this.#left.keys()].map(
            (id) => [id, this.#input.reason.kind === 'drain' ? 'drained' : 'lost'] as const,
          ),
        ]),
        replaces: this.#ids,
      };
    } catch (error) {
      return reasonOf(error);
    }
  }

  #moveOf({ record, spec, needs }: Movable, group: readonly Movable[], node: NodeView): PlannedMove {
    const after = group.flatMap((each) => (needs.includes(each.record.id ?? '') ? each.record.key : []));
    const from = this.#nodeOf(record);
    const manner = this.#input.mannerOf?.(record, spec, from) ?? {
      how: 'replace',
      why: `${from.name} ${this.#emptied.has(from.id) ? 'lost its data' : 'is lost'}`,
    };
    return {
      container: planned(record),
      from,
      to: { id: node.id, name: node.name },
      ...manner,
      generation: record.current.generation,
      loses: lossesOf(spec, record.terms),
      ...(this.#input.questions.spans?.(spec) && { spans: true }),
      ...(after.length > 0 && { after }),
      ...(manner.how === 'stop-first' && { estimate: estimateFor(manner.how, WITHOUT_COPIES) }),
    };
  }

  #stay(
    record: ContainerRecord,
    why: string,
    { waits, isIdle, forMs }: Pick<PlannedStay, 'waits' | 'isIdle' | 'forMs'>,
  ): void {
    this.#staying.set(record.id ?? '', why);
    const more = { ...(isIdle && { isIdle }), ...(forMs !== undefined && { forMs }) };
    this.#stays.push({ container: planned(record), node: this.#nodeOf(record), why, waits, ...more });
  }

  #nodeOf({ current }: ContainerRecord): PlannedNode {
    return (
      this.#left.get(current.nodeId) ??
      this.#emptied.get(current.nodeId) ?? { id: current.nodeId, name: current.nodeId }
    );
  }
}

function planned({ key, id = '', name }: ContainerRecord): PlannedContainer {
  return { key, id, name };
}

/** Containers that it must share a node with. */
export function neighboursOf({ placement }: ContainerSpec): readonly string[] {
  const near = placement.affinities.flatMap(({ key, operator, isSoft, pattern }) =>
    key === 'container' && operator === '==' && !isSoft && pattern.kind === 'exact' ? [pattern.value] : [],
  );
  return [...placement.dependencies.map(({ container }) => container), ...near];
}
