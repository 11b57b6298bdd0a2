import pLimit, { type LimitFunction } from 'p-limit';
import type { Container } from '../cluster/container.ts';
import { publishedPorts } from '../cluster/containers.ts';
import type { Node } from '../cluster/node.ts';
import type { ReservationReader } from '../cluster/reservation-reader.ts';
import type { Clock } from '../common/clock.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';
import { reservationOf } from '../scheduler/host-config.ts';
import type { PortClaim } from '../scheduler/types.ts';

/** Nodes whose containers are inspected at once. */
const NODES_AT_ONCE = 32;
/** Inspections wait no longer than this for engines that are being connected, in milliseconds. */
const MAX_HOLD_MS = 5_000;
/** A container described at greater length is not accounted for: a create's body has 16 MiB at most. */
const MAX_DETAILS_BYTES = 32 * 1024 * 1024;
/** Containers of one node that are inspected together. */
const AT_ONCE = 8;

/** The inspections of one node: those to come and those under way. */
interface NodePlan {
  readonly waiting: Container[];
  readonly underWay: Set<Promise<unknown>>;
}

/**
 * Learns what containers that were not created through this manager reserve: listings do not tell memory, CPUs and
 * the ports of stopped containers, so each is inspected once, in the background, a few at a time, when no engine is
 * being connected.
 */
export class Accounting implements ReservationReader {
  readonly #clock: Clock;
  readonly #limit: LimitFunction;
  #unknown = 0;
  #onLearnt: (container: Container) => void = () => undefined;
  #waiting: (() => void)[] = [];
  readonly #plans = new Map<Node, NodePlan>();
  /** Containers by engine ID whose inspection failed, to be tried again when their node was listed again. */
  readonly #failed = new Map<Node, Set<string>>();
  #holders = 0;
  /** Settles when the inspections are not held any more, or were for too long. */
  #held: { readonly ended: Promise<void>; readonly end: () => void } | undefined;

  constructor(clock: Clock, nodesAtOnce: number = NODES_AT_ONCE) {
    this.#clock = clock;
    this.#limit = pLimit(nodesAtOnce);
  }

  /** How many containers' reservations are still unknown. */
  get unknown(): number {
    return this.#unknown;
  }

  tell(listener: (container: Container) => void): void {
    this.#onLearnt = listener;
  }

  learn(container: Container): void {
    const { node } = container;
    this.#unknown += 1;
    const plan = this.#plans.get(node) ?? { waiting: [], underWay: new Set() };
    plan.waiting.push(container);
    if (this.#plans.has(node)) return;
    this.#plans.set(node, plan);
    // Never rejects.
    void this.#limit(async () => {
      await this.#held?.ended;
      await this.#carryOut(node, plan);
    });
  }

  /**
   * Holds inspections for which no create waits until the returned function is called, 5 s at most: what makes engines
   * usable comes first, over the connections that are open then.
   */
  hold(): () => void {
    this.#holders += 1;
    if (this.#holders === 1) this.#held = startHold(this.#clock);
    return () => {
      this.#holders -= 1;
      if (this.#holders > 0) return;
      this.#held?.end();
      this.#held = undefined;
    };
  }

  isPendingOn(node: Node): boolean {
    return this.#plans.has(node);
  }

  async settledOn(node: Node): Promise<void> {
    const plan = this.#plans.get(node);
    if (plan) await this.#carryOut(node, plan);
  }

  /** One node's containers, a few at a time over one connection. */
  async #carryOut(node: Node, plan: NodePlan): Promise<void> {
    while (plan.waiting.length > 0) {
      const work = Promise.all(plan.waiting.splice(0, AT_ONCE).map((container) => this.#inspect(container)));
      plan.underWay.add(work);
      await work;
      plan.underWay.delete(work);
    }
    await Promise.all(plan.underWay);
    if (this.#plans.get(node) === plan && plan.waiting.length === 0) this.#plans.delete(node);
  }

  async #inspect(container: Container): Promise<void> {
    const learnt = await inspect(container).catch(() => this.#remember(container));
    if (learnt) this.#onLearnt(learnt);
    this.#done();
  }

  learnAgain(node: Node): void {
    const failed = this.#failed.get(node) ?? [];
    this.#failed.delete(node);
    for (const engineId of failed) {
      const container = node.held(engineId);
      if (container) this.learn(container);
    }
  }

  postpone(container: Container): void {
    this.#remember(container);
  }

  forget(node: Node): void {
    this.#failed.delete(node);
  }

  #remember({ node, engineId }: Container): void {
    if (!node.held(engineId)) return; // It is gone.
    this.#failed.set(node, (this.#failed.get(node) ?? new Set()).add(engineId));
  }

  /** Resolves when everything met so far is known. */
  settled(): Promise<void> {
    if (this.#unknown === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #done(): void {
    this.#unknown -= 1;
    if (this.#unknown > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function startHold(clock: Clock): { readonly ended: Promise<void>; readonly end: () => void } {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    const timer = clock.timer(resolve);
    timer.start(MAX_HOLD_MS);
    end = () => {
      timer.stop();
      resolve();
    };
  });
  return { ended, end };
}

/** Resolves with the container as it is now; undefined when it has gone. */
async function inspect(container: Container): Promise<Container | undefined> {
  const { node, engineId } = container;
  if (!node.held(engineId)) return undefined;
  const path = `/containers/${engineId}/json`;
  const request = { method: 'GET', path, isPipelined: true, maxBytes: MAX_DETAILS_BYTES };
  const details = await askEngine(node.client, request, ANSWERS.details);
  // It may have gone, or have been settled by its own create, meanwhile.
  const held = node.held(engineId);
  if (!held) return undefined;
  node.ledger.put(engineId, reservationOf(details.HostConfig, details.Config?.ExposedPorts, boundPorts(held)));
  node.touch();
  return held;
}

/** Host ports a running container has now: the engine may have chosen them itself. */
function boundPorts(container: Container): readonly PortClaim[] {
  return publishedPorts(container.entry().Ports);
}
