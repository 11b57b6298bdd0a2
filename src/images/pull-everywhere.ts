import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import { failureOfAll, onEach } from '../common/every-node.ts';
import type { JsonMessage } from './json-messages.ts';
import { type PullRequest, pullOn } from './pull.ts';
import { PullProgress } from './pull-progress.ts';

/** Where the messages of a pull on many nodes go. */
export interface PullSink {
  /** A line for the client; `isDispensable` ones may be dropped when the client is slow. */
  write(message: JsonMessage, isDispensable: boolean): void;
}

export interface PullEverywhereOptions {
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/** Registries limit how often they are asked. */
const NODES_AT_ONCE = 16;

/**
 * Pulls on several nodes and reports one line for each: nothing before an engine accepted, so that a refusal of all is
 * thrown as an error with the engine's status. When some nodes fail the others' success counts: a node that failed gets
 * the image from them when it needs it. Resolves with the nodes that have it.
 */
export async function pullEverywhere(
  nodes: readonly Node[],
  name: string,
  request: PullRequest,
  sink: PullSink,
  { signal, now }: PullEverywhereOptions,
): Promise<readonly Node[]> {
  const report = new Report(name, sink, nodes.length, now);
  const outcomes = await onEach(nodes, (node) => pullOne(node, request, report, signal), NODES_AT_ONCE);
  signal.throwIfAborted();
  for (const [node, error] of outcomes.failed) report.failed(node, reasonOf(error));
  if (outcomes.done.size > 0) {
    report.summary();
    return [...outcomes.done.keys()];
  }
  const failure = failureOfAll(outcomes, 'It was pulled');
  if (failure && !report.hasBegun) throw failure;
  const message = failure?.message ?? 'no node pulled the image';
  sink.write({ errorDetail: { message }, error: message }, false);
  return [];
}

async function pullOne(node: Node, request: PullRequest, report: Report, signal: AbortSignal): Promise<void> {
  const progress = new PullProgress();
  await pullOn(node.client, request, { signal, onMessage: (message) => report.heard(node, progress, message) });
  await node.refreshImages();
  report.done(node);
}

/** Turns what many engines say into one stream, with the nodes in the place of layers. */
class Report {
  readonly #name: string;
  readonly #sink: PullSink;
  readonly #now: () => number;
  readonly #intervalMs: number;
  readonly #lastMs = new Map<Node, number>();
  /** The engines' closing lines (`Digest: …`, `Status: …`) and how many said each. */
  readonly #closing = new Map<string, number>();

  constructor(name: string, sink: PullSink, nodes: number, now: () => number) {
    this.#name = name;
    this.#sink = sink;
    this.#now = now;
    this.#intervalMs = Math.max(100, nodes * 10);
  }

  get hasBegun(): boolean {
    return this.#lastMs.size > 0;
  }

  heard(node: Node, progress: PullProgress, message: JsonMessage): void {
    const lastMs = this.#lastMs.get(node);
    if (lastMs === undefined) this.#sink.write({ status: `Pulling ${this.#name}...`, id: node.name }, false);
    if (lastMs === undefined) this.#lastMs.set(node, 0);
    if (message.id === undefined && message.status !== undefined) {
      this.#closing.set(message.status, (this.#closing.get(message.status) ?? 0) + 1);
    }
    if (!progress.take(message) || this.#now() - (lastMs ?? 0) < this.#intervalMs) return;
    this.#lastMs.set(node, this.#now());
    this.#sink.write({ status: progress.phase, progressDetail: progress.sum, id: node.name }, true);
  }

  done(node: Node): void {
    this.#sink.write({ status: `Pulling ${this.#name}... : downloaded`, progressDetail: {}, id: node.name }, false);
  }

  failed(node: Node, reason: string): void {
    if (!this.hasBegun) return;
    this.#sink.write(
      { status: `Pulling ${this.#name}... : failed: ${reason}`, progressDetail: {}, id: node.name },
      false,
    );
  }

  /** What most engines said last, so that a client reads the digest where it is used to. */
  summary(): void {
    for (const prefix of ['Digest: ', 'Status: ']) {
      const lines = [...this.#closing].filter(([line]) => line.startsWith(prefix)).sort(([, a], [, b]) => b - a);
      const [most] = lines;
      if (most) this.#sink.write({ status: most[0] }, false);
    }
  }
}
