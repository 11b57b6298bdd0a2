import type { Cluster } from '../cluster/cluster.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { Brake } from './brake.ts';
import type { WaitBoard } from './wait-board.ts';

/** A container, and the node that it was on. */
export interface FailoverContainer {
  readonly id: string;
  readonly name: string;
  readonly node: string;
}

/** What a failover is about at the moment. */
export interface FailoverView {
  /** Why nothing is moved; null while the brake is off. */
  readonly brake: string | null;
  readonly lost: readonly { readonly id: string; readonly name: string; readonly reason: string }[];
  readonly moving: readonly (FailoverContainer & { readonly to: string | null })[];
  readonly waiting: readonly (FailoverContainer & { readonly why: string })[];
}

export interface FailoverViewDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly brake: Brake;
  readonly waiting: WaitBoard;
  readonly moving: ReadonlySet<string>;
  readonly lost: FailoverView['lost'];
}

export function failoverView({ cluster, desired, brake, waiting, moving, lost }: FailoverViewDeps): FailoverView {
  const nodeName = (id: string): string => cluster.node(id)?.name ?? id;
  const shown = ({ id = '', name, current }: ContainerRecord): FailoverContainer => ({
    id,
    name,
    node: nodeName(current.nodeId),
  });
  const recordsOf = (keys: Iterable<string>): readonly ContainerRecord[] =>
    [...keys].flatMap((key) => desired.get(key) ?? []);
  return {
    brake: brake.why ?? null,
    lost: lost.map(({ id, name, reason }) => ({ id, name, reason })),
    moving: recordsOf(moving).map((record) => ({
      ...shown(record),
      to: record.move ? nodeName(record.move.to.nodeId) : null,
    })),
    waiting: [...waiting.entries()].flatMap(([key, why]) => {
      const record = desired.get(key);
      return record ? [{ ...shown(record), why }] : [];
    }),
  };
}
