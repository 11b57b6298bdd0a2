import type { Bill } from '../../../src/page/protocol.ts';
import { useAsk } from '../model/ask.ts';
import { hrefOf } from '../model/route.ts';
import { Meter } from '../parts/badges.tsx';
import { Card } from '../parts/facts.tsx';
import { Fault, Loading, Nothing } from '../parts/fault.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { ViewHead } from '../parts/view-head.tsx';
import { money, time } from '../words/format.ts';
import { useWords } from '../words/words.ts';

const AGAIN_MS = 60_000;

/** What the swarm costs, and who has what of it. */
export function BillView() {
  const { bill: words, views, columns: c, plans } = useWords();
  const { value, fault, again } = useAsk<Bill>('bill', 0, AGAIN_MS);
  const isUnpriced = value?.nodes.every(({ cost }) => cost === null);
  if (!value || isUnpriced) {
    return (
      <>
        <ViewHead title={views.bill} />
        {isUnpriced ? (
          <Nothing title={words.none} text={words.noneText} />
        ) : fault === undefined ? (
          <Loading />
        ) : (
          <Fault fault={fault} again={again} />
        )}
      </>
    );
  }
  const { total, unit, idle, shares, nodes, notes, at } = value;
  const most = Math.max(...shares.map(({ cost }) => Number(cost.amount)), 1e-9);
  const columns: readonly Column<Bill['nodes'][number]>[] = [
    {
      key: 'name',
      title: c.name,
      by: ({ name }) => name,
      cell: ({ id, name }) => (
        <a class="link" href={hrefOf('nodes', id)}>
          {name}
        </a>
      ),
    },
    { key: 'type', title: c.type, by: ({ type }) => type, cell: ({ type }) => type || '–' },
    {
      key: 'domain',
      title: c.domain,
      by: ({ domains }) => domains.join('/'),
      cell: ({ domains }) => domains.join(' / ') || '–',
      isExtra: true,
    },
    {
      key: 'price',
      title: c.price,
      by: ({ cost }) => Number(cost?.amount ?? -1),
      cell: ({ cost }) => (cost ? money(cost) : <span class="bad-text">{words.noPrice}</span>),
      isNumber: true,
    },
    {
      key: 'reserved',
      title: c.reserved,
      by: ({ reserved }) => reserved,
      cell: ({ reserved }) => <Meter part={reserved} label={c.reserved} />,
      isExtra: true,
    },
    { key: 'source', title: c.source, by: ({ source }) => source, cell: ({ source }) => source, isExtra: true },
  ];
  return (
    <div class="full">
      <ViewHead title={views.bill} />
      <div class="bill-top">
        <Card title={words.total}>
          <p class="bill-total">
            {total.map((each) => (
              <span key={each.currency}>{money(each)}</span>
            ))}
          </p>
          {idle.map((each) => (
            <p key={each.currency}>
              {money(each)} <span class="muted">{words.idle}</span>
            </p>
          ))}
          <p class="muted">
            {plans.per[unit]} · {words.at} {time(at)}
          </p>
        </Card>
        <Card title={words.shares}>
          <ul class="shares">
            {shares.slice(0, 10).map(({ name, cost }) => (
              <li key={`${name} ${cost.currency}`}>
                <span>{name}</span>
                <span class="cost-track" aria-hidden="true">
                  <span class="cost-bar after" style={{ width: `${(Number(cost.amount) / most) * 100}%` }} />
                </span>
                <strong>{money(cost)}</strong>
              </li>
            ))}
          </ul>
        </Card>
      </div>
      {notes.map((note) => (
        <p class="notice warn slim" key={note}>
          {note}
        </p>
      ))}
      <h2 class="section-title">{words.nodes}</h2>
      <Table label={words.nodes} columns={columns} rows={nodes} keyOf={({ id }) => id} sort={['price', 'down']} />
    </div>
  );
}
