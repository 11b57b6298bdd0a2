import type { Outcome } from './json-call.ts';

/** What a container may be. */
export type State = 'absent' | 'created' | 'running' | 'stopped';

/** What is known of one container that a client asked for: after an answer that was lost, several things may be so. */
export interface Expected {
  /** The name of its create. */
  readonly made: string;
  id: string | undefined;
  names: ReadonlySet<string>;
  states: ReadonlySet<State>;
  /** It has a restart policy: it moves, and runs again after its host died. */
  readonly isMovable: boolean;
  /** A start of it had no clear answer: it may run without being wanted, until a client asks again. */
  isInDoubt: boolean;
  /** Whether it is on the cluster’s network; undefined for one that is on none for good. */
  isConnected: ReadonlySet<boolean> | undefined;
}

/** What operators said of a node, as far as is known. */
export interface ExpectedNode {
  readonly name: string;
  availability: ReadonlySet<string>;
  /** The value of its label {@link ROUND_LABEL}; empty without one. */
  round: ReadonlySet<string>;
}

/** A label of nodes whose value changes from time to time. */
export const ROUND_LABEL = 'faults.round';

/** What clients may expect of the cluster, told by nothing but the answers they got. */
export class Oracle {
  readonly containers: Expected[] = [];
  readonly nodes: readonly ExpectedNode[];
  #made = 0;

  constructor(nodes: readonly string[]) {
    this.nodes = nodes.map((name) => ({ name, availability: new Set(['active']), round: new Set(['']) }));
  }

  /** A name that no container ever had. */
  newName(): string {
    this.#made += 1;
    return `c${this.#made}`;
  }

  /** Those that exist for sure. */
  get known(): readonly Expected[] {
    return this.containers.filter(
      ({ id, states, names }) => id !== undefined && !states.has('absent') && names.size === 1,
    );
  }

  /** A create is about to be asked for. */
  begin(
    name: string,
    { isMovable, isConnectable }: { readonly isMovable: boolean; readonly isConnectable: boolean },
  ): Expected {
    const expected: Expected = {
      ...{
        made: name,
        id: undefined,
        isMovable,
        isInDoubt: false,
        isConnected: isConnectable ? new Set([false]) : undefined,
      },
      names: new Set([name]),
      states: new Set<State>(['absent', 'created']),
    };
    this.containers.push(expected);
    return expected;
  }

  created(expected: Expected, { status, value }: Outcome<{ readonly Id: string }>): void {
    if (status === 201) {
      expected.id = value?.Id;
      expected.states = new Set(['created']);
    } else if (isRefusal(status)) {
      expected.states = new Set(['absent']);
    }
  }

  /** An operation was asked for that leaves the container in `after`. */
  changed(expected: Expected, after: State, outcome: Outcome): void {
    const isClear = outcome.status !== undefined && (outcome.status < 400 || isRefusal(outcome.status));
    if (!isClear && after === 'running') expected.isInDoubt = true;
    else if (isClear && !isRefusal(outcome.status)) expected.isInDoubt = false;
    expected.states = following(outcome, new Set([after]), expected.states);
  }

  renamed(expected: Expected, name: string, outcome: Outcome): void {
    expected.names = following(outcome, new Set([name]), expected.names);
  }

  /** It was to be connected to its network or disconnected. What was not answered may count again after a move, so it stays open. */
  connected(expected: Expected, isConnected: boolean, outcome: Outcome): void {
    if (expected.isConnected) expected.isConnected = following(outcome, new Set([isConnected]), expected.isConnected);
  }

  /** An operator said something of a node. */
  chosen(
    node: ExpectedNode,
    choice: { readonly availability: string; readonly round: string },
    outcome: Outcome,
  ): void {
    node.availability = following(outcome, new Set([choice.availability]), node.availability);
    node.round = following(outcome, new Set([choice.round]), node.round);
  }

  /** Host or engine of some nodes died: what runs there without a restart policy may have ended. */
  shaken(): void {
    for (const each of this.containers)
      if (each.states.has('running') && (!each.isMovable || each.isInDoubt))
        each.states = new Set([...each.states, 'stopped']);
  }

  /** What was seen of one once all was quiet is so from now on. */
  settle(
    expected: Expected,
    seen: { readonly id: string | undefined; readonly name: string; readonly state: State },
  ): void {
    // A create that was never answered may still be undone.
    if (expected.id === undefined && seen.state === 'created') return;
    expected.id = seen.id ?? expected.id;
    expected.names = new Set([seen.name]);
    if (!expected.isInDoubt) expected.states = new Set([seen.state]);
  }

  /** Forgets those that are gone for sure. */
  sweep(): void {
    const left = this.containers.filter(({ states }) => states.size > 1 || !states.has('absent'));
    this.containers.splice(0, this.containers.length, ...left);
  }
}

function following<T>({ status }: Outcome, after: ReadonlySet<T>, before: ReadonlySet<T>): ReadonlySet<T> {
  if (status === 304) return before;
  if (status !== undefined && status < 400) return after;
  return isRefusal(status) ? before : new Set([...before, ...after]);
}

/** Whether the answer says that nothing was done. A failure in the middle may have done it. */
function isRefusal(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500;
}
