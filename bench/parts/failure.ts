import type { Fault } from '../../simulator/fault.ts';
import { LoadClient } from '../load/client.ts';
import { type LoadResult, type Operation, runLoad } from '../load/run.ts';
import { percentilesOf } from '../measure/percentiles.ts';
import { paced } from '../options.ts';
import type { Fact } from '../report/result.ts';
import type { RunningManager, Session } from '../session.ts';
import type { Findings } from './part.ts';
import { readOperations } from './read-operations.ts';
import { waitUntil } from './wait.ts';

const BACKGROUND_CLIENTS = 4;
const QUIET_MS = 5000;
/** An old manager took minutes; what is not shown by then counts as never. */
const SHOWN_WITHIN_MS = 60_000;
const POLL_MS = 100;
/** Background load goes on at least as long as this after the fault. */
const MIN_FAULT_MS = 6000;

const CASES: readonly { readonly what: string; readonly fault: Fault }[] = [
  { what: 'a node that refuses', fault: { kind: 'refuse' } },
  { what: 'a node that hangs', fault: { kind: 'hang' } },
  { what: 'a node that drops packets', fault: { kind: 'drop' } },
];

/** How soon a broken node is shown, what the clients of all others notice meanwhile, and how soon it is back. */
export async function failurePart(session: Session): Promise<Findings> {
  const manager = await session.startManager();
  if (manager === undefined) return {};
  const facts: Fact[] = [];
  for (const { what, fault } of CASES) facts.push(...(await measureFault(session, manager, what, fault)));
  return { facts };
}

async function measureFault(session: Session, manager: RunningManager, what: string, fault: Fault): Promise<Fact[]> {
  const { nodes } = session.population;
  const poller = new LoadClient(manager.target);
  const isShown = async (): Promise<boolean> => ((await session.healthyNodes(poller)) ?? nodes) < nodes;
  const isBack = async (): Promise<boolean> => (await session.healthyNodes(poller)) === nodes;
  const before = await background(session, manager, paced(session.options, QUIET_MS) / 1000);
  const end = new AbortController();
  const load = background(session, manager, (SHOWN_WITHIN_MS + MIN_FAULT_MS) / 1000, end.signal);
  await session.fleet.apply([0], fault);
  const startedAt = performance.now();
  const shownMs = await waitUntil(isShown, SHOWN_WITHIN_MS, POLL_MS);
  const lastsMs = paced(session.options, MIN_FAULT_MS);
  await waitUntil(() => performance.now() - startedAt > lastsMs, lastsMs);
  end.abort();
  const during = await load;
  await session.fleet.apply([0], { kind: 'none' });
  const backMs = await waitUntil(isBack, SHOWN_WITHIN_MS, POLL_MS);
  poller.close();
  return [
    seconds(`${what} is shown after`, shownMs),
    seconds(`${what} is back after`, backMs),
    ...othersFacts(what, before, during),
  ];
}

function othersFacts(what: string, before: LoadResult, during: LoadResult): Fact[] {
  const quiet = percentilesOf(before.latenciesMs).p99Ms;
  const meanwhile = percentilesOf(during.latenciesMs).p99Ms;
  const remark = `${quiet.toFixed(2)} ms before, ${meanwhile.toFixed(2)} ms during; ${during.errors.length} errors`;
  return [{ name: `${what}: others' p99 grows by`, value: meanwhile / quiet, unit: '×', remark }];
}

function seconds(name: string, ms: number | undefined): Fact {
  const remark = ms === undefined ? `not within ${SHOWN_WITHIN_MS / 1000} s` : '';
  return { name, value: ms === undefined ? null : ms / 1000, unit: 's', ...(remark === '' ? {} : { remark }) };
}

/** Reads of every kind that have nothing to do with node 0. */
function background(
  session: Session,
  { target }: RunningManager,
  forSeconds: number,
  signal?: AbortSignal,
): Promise<LoadResult> {
  const { nodes } = session.population;
  const others = readOperations(session.population, { skipNodes: nodes > 1 ? 1 : 0 });
  const mix = others.filter(({ name }) =>
    ['inspect by ID', 'inspect by name', 'ps by ID', 'ps by label'].includes(name),
  );
  const operation: Operation = {
    name: 'background',
    run: (client, serial) => {
      const one = mix[serial % mix.length];
      return one === undefined ? Promise.resolve(0) : one.run(client, serial);
    },
  };
  return runLoad(operation, { target, clients: BACKGROUND_CLIENTS, seconds: forSeconds }, signal);
}
