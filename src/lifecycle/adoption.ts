import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import { sharedStop } from '../common/abort.ts';
import { ClusterError, reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { type Attempts, readAttempt } from '../desired/attempts.ts';
import { parseSpec } from '../desired/container-spec.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import { type ContainerRecord, RECORD_FORMAT, type RecordBody, type Wanted } from '../desired/record.ts';
import { tied } from '../desired/terms.ts';
import { POLICY_LABEL } from '../scheduler/directives.ts';
import { createBodyOf } from './adopted-body.ts';
import type { LifecycleDeps } from './deps.ts';
import { tiesToNode } from './ties-to-node.ts';

export interface AdoptionDeps extends Pick<LifecycleDeps, 'volumes' | 'networks'> {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly attempts: Attempts;
  readonly logger: Logger;
}

const CALL_MS = 20_000;

interface Inspected {
  readonly Image?: string;
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null };
  readonly State?: { readonly Running?: boolean; readonly Paused?: boolean; readonly Status?: string };
}

/**
 * Records containers that were not created here (older ones, those made at an engine) if their own label says when they may move: once, from
 * what their engine says of them. All others without a record are left alone.
 */
export class Adoption {
  readonly #deps: AdoptionDeps;
  /** Engine IDs of those that are being recorded, or cannot be. */
  readonly #seen = new Set<string>();
  #last: Promise<void> = Promise.resolve();
  #stop: AbortController | undefined;
  #unsubscribe: () => void = () => undefined;

  constructor(deps: AdoptionDeps) {
    this.#deps = deps;
  }

  /** Begins with what is listed by now. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#stop) return;
    this.#stop = sharedStop();
    const { cluster } = this.#deps;
    this.#unsubscribe = cluster.subscribe((event) => {
      if (event.kind === 'container-added' || event.kind === 'container-changed') this.#meet(event.after);
      else if (event.kind === 'container-removed') this.#seen.delete(event.before.engineId);
      else if (event.kind === 'node-state' && event.to === 'Healthy')
        for (const container of event.node.containers.values()) this.#meet(container);
    });
    for (const node of cluster.healthyNodes()) for (const container of node.containers.values()) this.#meet(container);
  }

  /** Resolves when nothing is under way any more. Idempotent. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#stop?.abort(new Error('containers are not recorded here any more'));
    this.#stop = undefined;
    this.#seen.clear();
    await this.#last;
  }

  #meet(container: Container): void {
    const { engineId, labels, node } = container;
    const signal = this.#stop?.signal;
    if (!signal || labels[POLICY_LABEL] === undefined || !node.isHealthy || !this.#isUnknown(container)) return;
    this.#seen.add(engineId);
    this.#last = this.#last.then(() => this.#adopt(container, signal));
  }

  /** What is created here has a record before it is listed. */
  #isUnknown({ id, engineId }: Container): boolean {
    const { index } = this.#deps.desired;
    return !this.#seen.has(engineId) && index.byEngineId(engineId) === undefined && index.byId(id) === undefined;
  }

  /** Never rejects. */
  async #adopt({ node, engineId, name }: Container, signal: AbortSignal): Promise<void> {
    const { desired, logger } = this.#deps;
    const fields = { node: node.name, container: name };
    try {
      const path = `/containers/${engineId}/json`;
      const answer = await node.client.request({ method: 'GET', path, signal, timeoutMs: CALL_MS });
      if (answer.statusCode !== 200 || desired.index.byEngineId(engineId)) return;
      const inspected = answer.body.toString();
      if (this.#isUnjudged(node, JSON.parse(inspected) as Inspected)) {
        this.#seen.delete(engineId);
        return;
      }
      const { record, body } = this.#recordOf(node, engineId, name, inspected);
      await desired.add(record, body);
      logger.info(fields, 'a container that was not created here is recorded, as its policy says');
    } catch (error) {
      if (signal.aborted) return;
      // One that cannot be read is not tried again; one that could not be asked is, when its node is back.
      if (!(error instanceof ClusterError && error.status === 400)) this.#seen.delete(engineId);
      logger.warn({ ...fields, reason: reasonOf(error) }, 'a container with a policy was not recorded');
    }
  }

  /** Perhaps left by an interrupted create, and about to be removed; see `open-creates.ts`. */
  #isUnjudged({ attemptLabel }: Node, { State, Config }: Inspected): boolean {
    const { attempts } = this.#deps;
    const mark = readAttempt(Config?.Labels?.[attemptLabel]);
    if (!mark || State?.Status !== 'created') return false;
    return attempts.isOurs(mark) && !attempts.isAdmitted(mark.attempt);
  }

  #recordOf(
    node: Node,
    engineId: string,
    name: string,
    inspected: string,
  ): { readonly record: ContainerRecord; readonly body: RecordBody } {
    const { attempts } = this.#deps;
    const { Image, State } = JSON.parse(inspected) as Inspected;
    const source = { text: createBodyOf(inspected, engineId), api: node.client.api.max, largestNodeCpus: 0 };
    const spec = parseSpec(source, JSON.parse(source.text), name);
    const key = attempts.next();
    const record: ContainerRecord = {
      format: RECORD_FORMAT,
      key,
      id: engineId,
      name,
      current: { nodeId: node.id, attempt: key, engineId, generation: 0 },
      wanted: wantedOf(State),
      terms: tied(spec.terms, tiesToNode(this.#deps, spec)),
    };
    const image = Image ? { image: { id: Image, digests: [] } } : {};
    return { record, body: { format: RECORD_FORMAT, source, ...image, amendments: [] } };
  }
}

/** What its user wants of one that does not run is not known: it stays as it is. */
function wantedOf(state: Inspected['State']): Wanted {
  if (state?.Paused) return 'paused';
  if (state?.Running) return 'running';
  return state?.Status === 'created' ? 'created' : 'stopped';
}
