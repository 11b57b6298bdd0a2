import { parseExpression } from '../scheduler/expression.ts';
import { affinityFilter } from '../scheduler/filters/affinity.ts';
import type { Check } from '../scheduler/filters/filter.ts';
import { REQUIREMENTS, selectFilters } from '../scheduler/filters/registry.ts';
import type { ClusterView, PlacementRequest } from '../scheduler/types.ts';
import type { Snapshot, SnapshotContainer } from './snapshot.ts';
import { snapshotView } from './snapshot-view.ts';

/** Filters that look at what else is on a node: the search keeps their rules itself. */
const BY_COMPANY: ReadonlySet<string> = new Set(['port', 'containerslots', 'dependency', 'affinity']);

/** Which nodes the scheduler's filters let containers go to, what is on the nodes left aside: each question is asked once. */
export class Kinds {
  readonly rows: Uint8Array[] = [];
  readonly #snapshot: Snapshot;
  readonly #view: ClusterView;
  readonly #byQuestion = new Map<string, number>();
  readonly #mayTake: readonly boolean[];

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#view = snapshotView(snapshot);
    // A node whose price is not known is left out of the decision, and gets nothing.
    this.#mayTake = snapshot.nodes.map(({ price }) => 'micros' in price);
  }

  /** The row of the nodes that may take all of these containers; with `noSpot` none that its provider may take back. */
  of(containers: readonly SnapshotContainer[], noSpot: boolean): number {
    const forbidden = this.#forbidden(containers);
    const question = JSON.stringify([containers.map(asked), noSpot, forbidden]);
    const known = this.#byQuestion.get(question);
    if (known !== undefined) return known;
    const checks = containers.flatMap((each) => this.#checks(each));
    const row = Uint8Array.from(this.#view.nodes, (node, index) => {
      if (!this.#mayTake[index] || (noSpot && node.labels.get('spot') === 'true')) return 0;
      if (forbidden.some((each) => each.endsWith(` ${node.id}`))) return 0;
      return checks.every((check) => check.accepts(node)) ? 1 : 0;
    });
    this.rows.push(row);
    this.#byQuestion.set(question, this.rows.length - 1);
    return this.rows.length - 1;
  }

  #forbidden(containers: readonly SnapshotContainer[]): readonly string[] {
    const { forbidden } = this.#snapshot;
    if (forbidden.length === 0) return [];
    return forbidden.filter((each) => containers.some(({ key }) => each.startsWith(`${key} `)));
  }

  #checks(container: SnapshotContainer): readonly Check[] {
    const { filters, refusals } = this.#snapshot;
    const expressions = container.affinities.map((text) => parseExpression(text));
    const request: PlacementRequest = {
      image: '',
      memoryBytes: 0,
      nanoCpus: 0,
      ports: container.ports,
      constraints: container.constraints.map((text) => parseExpression(text)),
      affinities: expressions.filter(({ key }) => key === 'image'),
      whitelists: container.whitelists.map(({ text, names }) => ({ text, names: new Set(names) })),
      dependencies: [],
      homes: container.homes,
      ...(container.platform && { platform: container.platform }),
      ...(container.refusal !== undefined && { excluded: new Map(refusals[container.refusal]) }),
    };
    const asks = [...REQUIREMENTS, ...selectFilters(filters).filter(({ name }) => !BY_COMPANY.has(name))];
    const images = filters.includes(affinityFilter.name) ? [affinityFilter] : [];
    return [...asks, ...images].flatMap((filter) => filter.prepare(request, this.#view) ?? []);
  }
}

/** What the answer depends on. */
function asked(container: SnapshotContainer): unknown {
  const { constraints, affinities, whitelists, platform, homes, refusal, ports } = container;
  const images = affinities.filter((text) => text.startsWith('image'));
  return [constraints, images, whitelists, platform, homes, refusal, ports.map(({ ip }) => ip)];
}
