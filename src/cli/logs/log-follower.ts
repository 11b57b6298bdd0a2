import { backoffMs } from '../../common/backoff.ts';
import type { Clock } from '../../common/clock.ts';
import { coalesced } from '../../common/coalesced.ts';
import { reasonOf } from '../../common/errors.ts';
import { LineSplitter } from '../../engine/line-splitter.ts';
import type { ContainerSummary } from '../../engine/types.ts';
import type { ManagerClient } from '../manager-client.ts';
import { placeOf } from '../place.ts';
import { logLines } from './log-lines.ts';
import type { LogMerger } from './log-merger.ts';
import { containersOf, eventFilters, type LogSubject } from './log-subject.ts';

export interface LogFollowerDeps {
  readonly client: ManagerClient;
  readonly merger: LogMerger;
  readonly clock: Clock;
  /** Told what a person should know: a log that broke off. */
  readonly warn: (text: string) => void;
}

/** What of the logs is wanted, as queries of the API. */
export interface LogWish {
  readonly follow: boolean;
  /** Lines of each container before the first that is followed: a number, or `all`. */
  readonly tail: string;
  /** Seconds since the epoch; empty for all. */
  readonly since: string;
  readonly until: string;
}

/** What is known of a container's log. */
interface Known {
  node: string;
  /** The moment of the last line. */
  at: string;
  isOpen: boolean;
  failures: number;
}

const RETRY = { baseMs: 500, maxMs: 10_000 };

/**
 * Reads the logs of all containers of a subject into a merger. Following, it opens those of containers that start later, and opens a
 * log anew, from its last line on, when its container was restarted or the connection was lost.
 */
export class LogFollower {
  readonly #deps: LogFollowerDeps;
  readonly #subject: LogSubject;
  readonly #wish: LogWish;
  readonly #signal: AbortSignal;
  readonly #known = new Map<string, Known>();
  readonly #reading = new Set<Promise<void>>();
  readonly #sync: () => Promise<void>;
  #isFirst = true;

  constructor(deps: LogFollowerDeps, subject: LogSubject, wish: LogWish, signal: AbortSignal) {
    this.#deps = deps;
    this.#subject = subject;
    this.#wish = wish;
    this.#signal = signal;
    this.#sync = coalesced(() => this.#open());
  }

  /** Resolves when every log has ended; following, when the signal is aborted. Rejects when the first look fails. */
  async run(): Promise<void> {
    // Subscribed first: a container that starts meanwhile is found by one or the other.
    const following = this.#wish.follow ? this.#follow() : undefined;
    await this.#sync();
    await following;
    while (this.#reading.size > 0) await Promise.all(this.#reading);
  }

  async #follow(): Promise<void> {
    const path = `/events?${new URLSearchParams({ filters: eventFilters(this.#subject) })}`;
    for (let failures = 0; !this.#signal.aborted; failures += 1) {
      try {
        const splitter = new LineSplitter(() => this.#look());
        const events = await this.#deps.client.stream(path, this.#signal);
        if (failures > 0) this.#look();
        failures = 0;
        for await (const piece of events) splitter.feed(piece);
      } catch (error) {
        if (this.#signal.aborted) return;
        this.#deps.warn(`events of the manager broke off (${reasonOf(error)}); trying again`);
      }
      await this.#pause(failures + 1);
    }
  }

  async #pause(failures: number): Promise<void> {
    // Aborted: the loop around it ends.
    await this.#deps.clock.sleep(backoffMs(failures, RETRY), this.#signal).catch(() => undefined);
  }

  /** Looks again in the background; a failure is repaired by the next look. */
  #look(): void {
    this.#sync().catch(() => undefined);
  }

  async #open(): Promise<void> {
    const containers = await containersOf(this.#subject, this.#deps.client, this.#signal);
    const ids = new Set(containers.map(({ Id }) => Id));
    for (const [id, { isOpen }] of this.#known) if (!isOpen && !ids.has(id)) this.#known.delete(id);
    for (const container of containers) {
      const known = this.#known.get(container.Id);
      if (known?.isOpen || (known && !isRunning(container))) continue;
      this.#begin(container, known);
    }
    this.#isFirst = false;
  }

  #begin(container: ContainerSummary, known: Known | undefined): void {
    const { node } = placeOf(container.Names ?? []);
    const isNew = known === undefined;
    const state: Known = known ?? { node, at: '', isOpen: true, failures: 0 };
    // Another engine has another clock and another log.
    if (state.node !== node) state.at = '';
    state.node = node;
    state.isOpen = true;
    this.#known.set(container.Id, state);
    const reading = this.#read(container, state, isNew && this.#isFirst).finally(() => {
      this.#reading.delete(reading);
    });
    this.#reading.add(reading);
  }

  /** Never rejects. */
  async #read(container: ContainerSummary, state: Known, isFirst: boolean): Promise<void> {
    const { node, name } = placeOf(container.Names ?? []);
    const source = this.#deps.merger.add(node === '' ? name : `${node}/${name}`);
    try {
      const last = state.at;
      const { client } = this.#deps;
      const details = await client.get<{ readonly Config?: { readonly Tty?: boolean } }>(
        `/containers/${container.Id}/json`,
        this.#signal,
      );
      const bytes = await client.stream(
        `/containers/${container.Id}/logs?${this.#query(state, isFirst)}`,
        this.#signal,
      );
      for await (const line of logLines(bytes, details.Config?.Tty === true)) {
        if (last !== '' && line.at !== '' && line.at <= last) continue;
        state.failures = 0;
        if (line.at !== '') state.at = line.at;
        await source.push(line);
      }
    } catch (error) {
      if (this.#signal.aborted) return;
      state.failures += 1;
      this.#deps.warn(`the log of ${node}/${name} broke off: ${reasonOf(error)}`);
    } finally {
      source.end();
      state.isOpen = false;
    }
    if (!this.#wish.follow || this.#signal.aborted) return;
    // It may have been started again before its log ended.
    await this.#pause(state.failures);
    this.#look();
  }

  #query({ at }: Known, isFirst: boolean): URLSearchParams {
    const { follow, tail, since, until } = this.#wish;
    const from = at === '' ? since : at;
    return new URLSearchParams({
      stdout: '1',
      stderr: '1',
      timestamps: '1',
      ...(follow ? { follow: '1' } : {}),
      ...(isFirst ? { tail } : {}),
      ...(from === '' ? {} : { since: from }),
      ...(until === '' ? {} : { until }),
    });
  }
}

function isRunning({ State }: ContainerSummary): boolean {
  return State === 'running' || State === 'restarting' || State === 'paused';
}
