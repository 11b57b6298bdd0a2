import { createHash } from 'node:crypto';
import type { Services } from '../api/call.ts';
import type { PagePlans } from '../api/page-door.ts';
import type { Node } from '../cluster/node.ts';
import { versionOf } from '../cluster/node-directory.ts';
import { AVAILABILITIES } from '../cluster/node-settings.ts';
import { BadRequestError, ConflictError, NotFoundError } from '../common/errors.ts';
import { fieldsOf } from '../scheduler/json.ts';
import { cheapestPlans } from './cheapest-plans.ts';
import { availabilityPlans, type PlanSource, type SourcedPlan } from './plan-source.ts';
import type { PlanKind, PlanView } from './protocol.ts';

/** Nodes that a plan may be about: a path is no longer than a line. */
const MOST_NODES = 200;

/** Plans of every kind, by what the primary knows. */
export function pagePlans(services: Services): PagePlans & { readonly kinds: readonly PlanKind[] } {
  const directory = services.nodes;
  const sources = [...availabilityPlans(services), cheapestPlans(services)];
  const sourceOf = (kind: string): PlanSource => {
    const source = sources.find((each) => each.kind === kind);
    if (!source) throw new NotFoundError(`there are no plans of kind ${JSON.stringify(kind)}`, 'NO_SUCH_PLAN');
    return source;
  };
  const nodesOf = (source: PlanSource, references: readonly string[]): readonly Node[] => {
    if (source.takes === 'nothing') return [];
    if (references.length === 0 || references.length > MOST_NODES)
      throw new BadRequestError(`name the nodes, ${MOST_NODES} at most`, 'NO_NODE_NAMED');
    return [...new Set(references)].map((reference) => {
      const { node, name } = directory.find(reference);
      if (!node) throw new ConflictError(`node ${name} is not in the cluster`, 'NODE_LEFT');
      return node;
    });
  };
  return {
    kinds: sources.map(({ kind, takes }) => ({ kind, takes, canApply: true })),
    view: async (kind, references, signal) => {
      const source = sourceOf(kind);
      const { plan } = await source.make(nodesOf(source, references), signal);
      return viewOf(kind, plan);
    },
    apply: async (kind, body, signal) => {
      const source = sourceOf(kind);
      const { digest, nodes = [] } = fieldsOf(body);
      if (typeof digest !== 'string' || !isTexts(nodes))
        throw new BadRequestError('digest should be a text, nodes a list of texts', 'BAD_BODY');
      const { plan, apply } = await source.make(nodesOf(source, nodes), signal);
      if (viewOf(kind, plan).digest !== digest)
        throw new ConflictError('the cluster has changed, and the plan with it: look at it again', 'PLAN_CHANGED');
      await apply();
    },
    setAvailability: async (node, body) => {
      const { availability } = fieldsOf(body);
      const wanted = AVAILABILITIES.find((each) => each === availability);
      if (!wanted) throw new BadRequestError(`availability should be one of ${AVAILABILITIES.join(', ')}`, 'BAD_BODY');
      const known = directory.find(node);
      const labels = known.setting?.labels ?? {};
      await directory.update(known.id, versionOf(known), { labels, availability: wanted });
    },
  };
}

/** The digest is of what would be done, not of the words around it. */
export function viewOf(kind: string, plan: SourcedPlan): PlanView {
  const { moves, stays, machines } = plan;
  const deeds = [
    moves.map(({ container, from, to, how }) => [container.id, from.id, to.id, how]),
    stays.map(({ container, node, waits }) => [container.id, node.id, waits]),
    machines.map(({ change, name }) => [change, name]),
  ];
  const digest = createHash('sha256')
    .update(JSON.stringify([kind, deeds]))
    .digest('hex')
    .slice(0, 32);
  return { kind, digest, ...plan };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
