import { FLEET_IMAGES, nodeName } from '../../simulator/population.ts';
import { LoadClient } from '../load/client.ts';
import { filteredList, jsonRequest, plainRequest } from '../load/requests.ts';
import { type Operation, runLoad } from '../load/run.ts';
import { paced } from '../options.ts';
import type { Fact } from '../report/result.ts';
import type { Session } from '../session.ts';
import type { Findings } from './part.ts';
import { waitUntil } from './wait.ts';

const CONTAINERS = 300;
const CLIENTS = 8;
const LABEL = 'bench.failover';
/** What does not run elsewhere by then counts as never. */
const MOVED_WITHIN_MS = 180_000;
const POLL_MS = 250;

/** How soon the containers of a node whose host is gone run elsewhere, from the loss on. */
export async function failoverPart(session: Session): Promise<Findings> {
  if (session.population.nodes < 3) throw new Error('failover needs at least 3 nodes: fewer leave no majority');
  const manager = await session.startManager();
  if (manager === undefined) return {};
  const count = paced(session.options, CONTAINERS);
  const { errors } = await runLoad(onFirstNode(), {
    target: manager.target,
    clients: CLIENTS,
    seconds: 120,
    maxOps: count,
  });
  const poller = new LoadClient(manager.target);
  const before = await elsewhere(poller);
  if (before.total < count || before.moved > 0)
    throw new Error(`${before.total} of ${count} containers were made, ${before.moved} elsewhere: ${errors[0] ?? ''}`);
  await session.fleet.apply([0], { kind: 'drop' });
  const startedAt = performance.now();
  let firstMs: number | undefined;
  const hasMoved = async (): Promise<boolean> => {
    const { moved } = await elsewhere(poller);
    if (moved > 0) firstMs ??= performance.now() - startedAt;
    return moved === count;
  };
  const allMs = await waitUntil(hasMoved, MOVED_WITHIN_MS, POLL_MS);
  poller.close();
  return {
    facts: [
      seconds('the first container of a lost node runs elsewhere after', firstMs, count),
      seconds('all containers of a lost node run elsewhere after', allMs, count),
    ],
  };
}

/** Creates and starts containers that are meant to go on running, on the first node as long as that is there. */
function onFirstNode(): Operation {
  const body = JSON.stringify({
    Image: FLEET_IMAGES[0],
    Env: [`constraint:node==~${nodeName(0)}`],
    Labels: { [LABEL]: 'yes' },
    HostConfig: { RestartPolicy: { Name: 'always' } },
  });
  return {
    name: 'create + start',
    run: async (client, serial) => {
      const created = await client.fetch(jsonRequest(`/containers/create?name=failover-${serial}`, body));
      if (created.status !== 201)
        throw new Error(`create: status ${created.status}: ${created.body.toString().trim()}`);
      const { Id } = JSON.parse(created.body.toString()) as { readonly Id: string };
      const { status } = await client.request(plainRequest('POST', `/containers/${Id}/start`));
      if (status !== 204) throw new Error(`start: status ${status}`);
      return created.body.length;
    },
  };
}

async function elsewhere(poller: LoadClient): Promise<{ readonly total: number; readonly moved: number }> {
  const all = await list(poller, { label: [LABEL] });
  const onFirst = new Set((await list(poller, { label: [LABEL], node: [nodeName(0)] })).map(({ Id }) => Id));
  return { total: all.length, moved: all.filter(({ Id, State }) => State === 'running' && !onFirst.has(Id)).length };
}

interface Listed {
  readonly Id: string;
  readonly State: string;
}

async function list(
  poller: LoadClient,
  filters: Readonly<Record<string, readonly string[]>>,
): Promise<readonly Listed[]> {
  const { body } = await poller.fetch(plainRequest('GET', filteredList(filters)));
  return JSON.parse(body.toString()) as readonly Listed[];
}

function seconds(name: string, ms: number | undefined, count: number): Fact {
  const remark =
    ms === undefined ? `not within ${MOVED_WITHIN_MS / 1000} s` : `${count} containers, detection included`;
  return { name, value: ms === undefined ? null : ms / 1000, unit: 's', remark };
}
