import type { PlanView } from '../../../src/page/protocol.ts';
import { compareNames } from '../hive/layout.ts';
import { useSwarm } from '../model/app.ts';
import { hrefOf } from '../model/route.ts';
import { Icon } from '../parts/icon.tsx';
import { bytes, duration, number } from '../words/format.ts';
import { useWords } from '../words/words.ts';

type Move = PlanView['moves'][number];

/** Cells of one node that are drawn; the rest is a number. */
const MOST_CELLS = 60;
const MOST_LINES = 40;

/** A plan as a picture: the cells of each node before and after, and the same in words. */
export function PlanPicture({ plan, isShort }: { readonly plan: PlanView; readonly isShort?: boolean }) {
  const { plans } = useWords();
  const { moves, stays, brake, notes } = plan;
  const waiting = stays.filter(({ waits }) => waits).length;
  return (
    <div class="plan">
      <p class="plan-counts">
        <span class="badge info">{plans.moves(moves.length)}</span>
        {stays.length > 0 && <span class="badge">{plans.stays(stays.length)}</span>}
        {waiting > 0 && <span class="badge bad">{plans.wait(waiting)}</span>}
      </p>
      {brake !== null && (
        <div class="notice bad">
          <Icon name="warning" />
          <div>
            <strong>{plans.brake}</strong>
            <p>{brake}</p>
          </div>
        </div>
      )}
      {moves.length === 0 && stays.length === 0 && <p class="muted">{plans.nothing}</p>}
      {moves.length > 0 && !isShort && <Combs moves={moves} stays={stays} />}
      <Lines plan={plan} most={isShort ? 8 : MOST_LINES} />
      {notes.length > 0 && (
        <ul class="notice slim lines">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** How many of a node's containers go, come, and stay without running. */
interface Change {
  readonly name: string;
  gone: number;
  come: number;
  wait: number;
}

/** Nodes that lose or win containers, with one cell for each. */
function Combs({ moves, stays }: Pick<PlanView, 'moves' | 'stays'>) {
  const swarm = useSwarm(1_000);
  const { plans } = useWords();
  const changes = new Map<string, Change>();
  const of = ({ id, name }: Move['from']): Change => {
    const known = changes.get(id) ?? { name, gone: 0, come: 0, wait: 0 };
    changes.set(id, known);
    return known;
  };
  for (const { from, to } of moves) {
    of(from).gone += 1;
    of(to).come += 1;
  }
  for (const { node, waits } of stays) of(node).wait += waits ? 1 : 0;
  const keptOn = (id: string, { gone, wait }: Change): number => {
    const n = swarm.nodeById(id)?.n;
    return n === undefined ? 0 : Math.max(0, swarm.containersOn(n).size - gone - wait);
  };
  const sorted = [...changes].sort(([, a], [, b]) => b.gone - a.gone || compareNames(a.name, b.name));
  return (
    <table class="plan-table" aria-label={plans.picture}>
      <thead>
        <tr>
          <td />
          <th scope="col">{plans.before}</th>
          <th scope="col">{plans.after}</th>
        </tr>
      </thead>
      <tbody>
        {sorted.slice(0, MOST_LINES).map(([id, change]) => (
          <tr key={id}>
            <th scope="row">
              <a class="link" href={hrefOf('nodes', id)}>
                {change.name}
              </a>
            </th>
            <td>
              <Cells kept={keptOn(id, change)} waits={change.wait} goes={change.gone} />
            </td>
            <td>
              <Cells kept={keptOn(id, change)} waits={change.wait} comes={change.come} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cells(counts: { kept: number; waits: number; goes?: number; comes?: number }) {
  const kinds = Object.entries(counts);
  const total = kinds.reduce((sum, [, count]) => sum + count, 0);
  return (
    <span class="plan-cells">
      <span aria-hidden="true">
        {kinds.map(
          ([kind, count]) =>
            count > 0 && (
              <span key={kind} class={`cells ${kind}`}>
                {'⬢'.repeat(Math.min(count, MOST_CELLS))}
              </span>
            ),
        )}
      </span>
      <span class="muted">{number(total)}</span>
    </span>
  );
}

function Lines({ plan: { moves, stays }, most }: { readonly plan: PlanView; readonly most: number }) {
  const { hive } = useWords();
  const rest = moves.length + stays.length - most;
  return (
    <ul class="plan-lines">
      {moves.slice(0, most).map((move) => (
        <li key={move.container.id}>
          <a class="link" href={hrefOf('containers', move.container.id)}>
            {move.container.name}
          </a>
          <span class="plan-way">
            {move.from.name} <Icon name="arrow" size={14} />
            <span class="unseen">→</span> <strong>{move.to.name}</strong>
          </span>
          <How move={move} />
        </li>
      ))}
      {stays.slice(0, Math.max(0, most - moves.length)).map(({ container, node, why, waits }) => (
        <li key={container.id}>
          <a class="link" href={hrefOf('containers', container.id)}>
            {container.name}
          </a>
          <span class="plan-way">{node.name}</span>
          <span class={waits ? 'bad-text' : 'muted'}>{why}</span>
        </li>
      ))}
      {rest > 0 && <li class="muted">{hive.others(rest)}</li>}
    </ul>
  );
}

/** How it goes, how long that takes, and what it costs the container. */
function How({ move: { how, loses, copies, durationMs, downtimeMs } }: { readonly move: Move }) {
  const { plans } = useWords();
  const volumes = copies.map(({ volume, bytes: size }) => (size === null ? volume : `${volume} (${bytes(size)})`));
  const words = [
    plans.how[how],
    volumes.length > 0 && plans.copies(volumes.join(', ')),
    durationMs !== null && plans.takes(duration(durationMs)),
    downtimeMs !== null && downtimeMs > 0 && plans.downtime(duration(downtimeMs)),
  ];
  return (
    <span class="muted">
      {words.filter(Boolean).join(' · ')}
      {loses.length > 0 && <span class="bad-text"> · {plans.loses(loses.join(', '))}</span>}
    </span>
  );
}
