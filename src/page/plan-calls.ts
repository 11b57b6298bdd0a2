import { createHash } from 'node:crypto';
import type { Services } from '../api/call.ts';
import type { Node } from '../cluster/node.ts';
import { versionOf } from '../cluster/node-directory.ts';
import { AVAILABILITIES } from '../cluster/node-settings.ts';
import { BadRequestError, ConflictError, NotFoundError } from '../common/errors.ts';
import { computeBill } from '../prices/bill.ts';
import { type PageRoutes, readObject, sendNothing, sendValue } from './calls.ts';
import { assertPrimary } from './of-primary.ts';
import { pathParam } from './params.ts';
import type { PlanSource, SourcedPlan } from './plan-source.ts';
import type { Bill, PlanKind, PlanView } from './protocol.ts';
import { shownBillOf } from './shown-bill.ts';

/** Nodes that a plan may be about: a path is no longer than a line. */
const MOST_NODES = 200;

/** Plans and what they would do, the bill, and what an operator says of nodes. */
export function planCalls(services: Services, sources: readonly PlanSource[]): PageRoutes {
  const { nodes: directory, prices, billFacts, clock } = services;
  const sourceOf = (kind: string): PlanSource => {
    // What is lost, braked or under way is known to the primary alone.
    assertPrimary(services);
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
    'GET plans': async ({ res }) =>
      sendValue(
        res,
        sources.map(({ kind, takes }): PlanKind => ({ kind, takes, canApply: true })),
      ),
    'GET plans/:kind': async (call) => {
      const source = sourceOf(pathParam(call, 'kind'));
      const { plan } = await source.make(nodesOf(source, call.query.getAll('node')), call.signal);
      sendValue(call.res, viewOf(source.kind, plan));
    },
    'POST plans/:kind/apply': async (call) => {
      const source = sourceOf(pathParam(call, 'kind'));
      const { digest, nodes = [] } = await readObject(call.req);
      if (typeof digest !== 'string' || !isTexts(nodes))
        throw new BadRequestError('digest should be a text, nodes a list of texts', 'BAD_BODY');
      const { plan, apply } = await source.make(nodesOf(source, nodes), call.signal);
      if (viewOf(source.kind, plan).digest !== digest)
        throw new ConflictError('the cluster has changed, and the plan with it: look at it again', 'PLAN_CHANGED');
      await apply();
      sendValue(call.res, {}, 202);
    },
    'GET bill': async ({ res }) => {
      const book = await prices.book();
      const bill: Bill = shownBillOf(computeBill(billFacts.read(), book), clock.now());
      sendValue(res, bill);
    },
    'POST nodes/:id/availability': async (call) => {
      assertPrimary(services);
      const { availability } = await readObject(call.req);
      const wanted = AVAILABILITIES.find((each) => each === availability);
      if (!wanted) throw new BadRequestError(`availability should be one of ${AVAILABILITIES.join(', ')}`, 'BAD_BODY');
      const known = directory.find(pathParam(call, 'id'));
      const labels = known.setting?.labels ?? {};
      await directory.update(known.id, versionOf(known), { labels, availability: wanted });
      sendNothing(call.res);
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
