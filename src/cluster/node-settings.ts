import type { Clock } from '../common/clock.ts';
import { ClusterError, ConflictError } from '../common/errors.ts';
import { type RecordFormat, RecordView, type RecordViewDeps } from '../kv/record-view.ts';
import type { Availability } from '../scheduler/types.ts';

export const AVAILABILITIES: readonly Availability[] = ['active', 'pause', 'drain'];

/** What an operator may say of a node. */
export interface NodeChoices {
  /** Beside the engine's own (`dockerd --label`); of two with the same key this one counts. */
  readonly labels: Readonly<Record<string, string>>;
  readonly availability: Availability;
}

/** What an operator said of a node, as it is kept. */
export interface NodeSetting extends NodeChoices {
  /** The node's name when it was said, for a node that left since. */
  readonly name: string;
  /** Grows by one with each change; {@link FIRST_VERSION} when nothing was said yet. */
  readonly version: number;
  /** RFC 3339. */
  readonly updatedAt: string;
}

/** The version of a node of which nothing was said yet. */
export const FIRST_VERSION = 1;

const FORMAT: RecordFormat<NodeSetting> = { read: parse, write: (setting) => JSON.stringify(setting) };

/** Labels and availability of nodes by node ID: durable, also for nodes that are down or left. */
export class NodeSettings {
  readonly #deps: RecordViewDeps;
  readonly #view: RecordView<NodeSetting>;
  readonly #clock: Clock;
  readonly #listener: { onChange: (nodeId: string) => void };

  private constructor(
    deps: RecordViewDeps,
    view: RecordView<NodeSetting>,
    listener: { onChange: (nodeId: string) => void },
  ) {
    this.#deps = deps;
    this.#view = view;
    this.#clock = deps.clock;
    this.#listener = listener;
  }

  static async open(deps: RecordViewDeps): Promise<NodeSettings> {
    const listener = { onChange: (_: string): void => undefined };
    const view = await RecordView.open(deps, FORMAT, (nodeId) => listener.onChange(nodeId));
    return new NodeSettings(deps, view, listener);
  }

  /** Sets who is told of a node whose setting changed, once it is durable. To be called once. */
  follow(onChange: (nodeId: string) => void): void {
    this.#listener.onChange = onChange;
  }

  of(nodeId: string): NodeSetting | undefined {
    return this.#view.get(nodeId);
  }

  nodeIds(): Iterable<string> {
    return this.#view.keys();
  }

  /**
   * Replaces the settings of a node if they are still those of `version`. Resolves when it is durable and counts. Rejects in
   * swarmkit's words when another change came first, and with a {@link ClusterError} when it cannot be written.
   */
  async change(nodeId: string, name: string, version: number, choices: NodeChoices): Promise<void> {
    const stored = await this.#deps.records.get(nodeId);
    const before = stored && parse(stored.value);
    if (stored && !before)
      throw new ConflictError(
        `the settings of node ${name} were written by another version of Enxame: they are kept, and can be changed with that version only`,
        'FOREIGN_RECORD',
      );
    if ((before?.version ?? FIRST_VERSION) !== version) throw outOfSequence();
    // Members that a later version wrote stay.
    const { labels, availability } = choices;
    const updatedAt = new Date(this.#clock.now()).toISOString();
    const setting = { ...before, labels, availability, name, version: version + 1, updatedAt };
    await this.#view.replace(nodeId, setting, stored?.revision ?? 'absent').catch((error: unknown) => {
      throw (error as { readonly code?: unknown }).code === 'RECORD_CHANGED' ? outOfSequence() : error;
    });
  }

  /** Forgets the settings of a node. Resolves when that is durable. */
  async forget(nodeId: string): Promise<void> {
    await this.#view.delete(nodeId);
  }
}

/** As swarmkit answers through an engine, which clients look for to read again and try again. */
function outOfSequence(): ClusterError {
  return new ClusterError('rpc error: code = Unknown desc = update out of sequence', {
    code: 'OUT_OF_SEQUENCE',
    status: 500,
  });
}

function parse(text: string): NodeSetting | undefined {
  try {
    const value = JSON.parse(text) as Partial<NodeSetting>;
    const { labels, availability, version, name, updatedAt } = value;
    if (!availability || !AVAILABILITIES.includes(availability)) return undefined;
    if (typeof labels !== 'object' || labels === null || typeof version !== 'number') return undefined;
    return { ...value, labels, availability, version, name: name ?? '', updatedAt: updatedAt ?? '' };
  } catch {
    return undefined;
  }
}
