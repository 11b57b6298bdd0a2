import type { NetworkDetail } from '../../../src/page/protocol.ts';
import { compareNames } from '../hive/layout.ts';
import { useSwarm } from '../model/app.ts';
import { useAsk } from '../model/ask.ts';
import { hrefOf } from '../model/route.ts';
import { PageFault } from '../model/session.ts';
import { NodeLink } from '../parts/badges.tsx';
import { Card, Facts, Labels } from '../parts/facts.tsx';
import { Fault, Loading, Nothing } from '../parts/fault.tsx';
import { NodeSet } from '../parts/node-set.tsx';
import { number, shortId } from '../words/format.ts';
import { useWords } from '../words/words.ts';

const AGAIN_MS = 10_000;

/** One network: its endpoints, node by node. */
export function NetworkView({ id }: { readonly id: string }) {
  const { columns: c, views, networks: words, container } = useWords();
  const { value, fault, again } = useAsk<NetworkDetail>(`networks/${encodeURIComponent(id)}`, 0, AGAIN_MS);
  if (fault instanceof PageFault && fault.status === 404) return <Nothing title={words.missing} />;
  if (fault !== undefined && !value) return <Fault fault={fault} again={again} />;
  if (!value) return <Loading />;
  return (
    <>
      <p class="crumbs">
        <a class="link" href={hrefOf('networks')}>
          {views.networks}
        </a>
      </p>
      <div class="view-head">
        <div>
          <h1>{value.name}</h1>
          <p class="under-title">
            <span class="badge good">{words.kinds[value.kind]}</span>
            <span class="muted">{value.driver}</span>
            {value.internal && <span class="muted">{words.internal}</span>}
          </p>
        </div>
      </div>
      <div class="cards">
        <Endpoints endpoints={value.endpoints} />
        <Card title={container.facts}>
          <Facts
            facts={[
              [container.id, <code key="id">{shortId(value.id)}</code>],
              [c.subnets, value.subnets.length > 0 && <code>{value.subnets.join(', ')}</code>],
              [c.nodes, <NodeSet key="nodes" nodes={value.nodes} />],
              [c.project, value.project],
            ]}
          />
          {Object.keys(value.labels).length > 0 && (
            <>
              <h3>{container.labels}</h3>
              <Labels labels={value.labels} />
            </>
          )}
        </Card>
      </div>
    </>
  );
}

function Endpoints({ endpoints }: Pick<NetworkDetail, 'endpoints'>) {
  const swarm = useSwarm(2_000);
  const { networks: words, unknown } = useWords();
  const byNode = new Map<number | null, NetworkDetail['endpoints'][number][]>();
  for (const each of endpoints) byNode.set(each.n, [...(byNode.get(each.n) ?? []), each]);
  const nameOf = (n: number | null): string => (n === null ? '' : (swarm.nodes.get(n)?.name ?? ''));
  const sorted = [...byNode].sort(([a], [b]) => compareNames(nameOf(a), nameOf(b)));
  return (
    <Card
      title={
        <>
          {words.endpoints} <span class="muted">{number(endpoints.length)}</span>
        </>
      }
    >
      {endpoints.length === 0 && <p class="muted">{words.noEndpoints}</p>}
      {sorted.map(([n, there]) => (
        <section key={n} class="endpoints">
          <h3>{n === null ? unknown : <NodeLink node={swarm.nodes.get(n)} />}</h3>
          <ul class="lines">
            {there.map(({ id, name, address }) => (
              <li key={id}>
                <a class="link" href={hrefOf('containers', id)}>
                  {name}
                </a>{' '}
                <code class="muted">{address}</code>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </Card>
  );
}
