import type { Container } from './container.ts';
import type { Node } from './node.ts';

/** Learns what containers reserve beyond what listings tell (`monitor/accounting.ts`). */
export interface ReservationReader {
  /** Sets who is told of a container whose reservation was learnt. To be called once. */
  tell(listener: (container: Container) => void): void;
  /** Plans the inspection of a container just met. */
  learn(container: Container): void;
  /** Takes a container of a node that cannot be asked now: it is inspected once its node was listed. */
  postpone(container: Container): void;
  /** Plans the inspections of a node again that failed before: the node was away or slow. */
  learnAgain(node: Node): void;
  /** Forgets what is to be tried again on a node that left. */
  forget(node: Node): void;
  /** Whether some of a node's reservations are not known yet. */
  isPendingOn(node: Node): boolean;
  /** Resolves when a node's reservations are known as far as they can be; it does not wait for other nodes. */
  settledOn(node: Node): Promise<void>;
}

/** Learns nothing: a model without engines. */
export const NO_READER: ReservationReader = {
  tell: () => undefined,
  learn: () => undefined,
  postpone: () => undefined,
  learnAgain: () => undefined,
  forget: () => undefined,
  isPendingOn: () => false,
  settledOn: () => Promise.resolve(),
};
