import type { ContainerDetail, ContainerExplanation, ContainerRow, PastMove } from '../../../src/page/protocol.ts';
import { useSwarm } from '../model/app.ts';
import { useAsk } from '../model/ask.ts';
import { CopyButton, NodeLink } from '../parts/badges.tsx';
import { Card, Facts, Labels } from '../parts/facts.tsx';
import { Fault, Loading } from '../parts/fault.tsx';
import { Icon } from '../parts/icon.tsx';
import { ago, bytes, number, shortId, time } from '../words/format.ts';
import { useWords } from '../words/words.ts';

interface OverviewProps {
  readonly row: ContainerRow;
  readonly detail: ContainerDetail;
}

export function ContainerOverview({ row, detail }: OverviewProps) {
  const { container: words, columns, copy } = useWords();
  const { cpus, memory, health = [], ports, mounts, networks, labels } = detail;
  return (
    <div class="cards">
      {!detail.isReached && (
        <div class="notice warn">
          <Icon name="warning" />
          <p>{words.unreached}</p>
        </div>
      )}
      <Where row={row} />
      <Moves row={row} />
      <Card title={words.facts}>
        <Facts
          facts={[
            [columns.state, detail.status],
            [words.exitCode, detail.finished !== null && detail.state !== 'running' ? String(detail.exitCode) : ''],
            ['', detail.oomKilled && <span class="bad-text">{words.oom}</span>],
            ['', detail.error && <span class="bad-text">{detail.error}</span>],
            [columns.image, detail.image],
            [words.command, detail.command.length > 0 && <code>{detail.command.join(' ')}</code>],
            [words.workingDir, detail.workingDir && <code>{detail.workingDir}</code>],
            [words.user, detail.user],
            [words.limits, cpus || memory ? limits(cpus, memory) : words.noLimit],
            [words.restartPolicy, detail.restartPolicy],
            [words.restarts, detail.restarts > 0 && number(detail.restarts)],
            [columns.created, detail.created !== null && time(detail.created)],
            [words.started, detail.started !== null && time(detail.started)],
            [words.finished, detail.finished !== null && detail.state !== 'running' && time(detail.finished)],
            [
              words.id,
              <>
                <code>{shortId(detail.id)}</code> <CopyButton text={detail.id} label={copy} />
              </>,
            ],
            [words.engineId, detail.engineId !== detail.id && <code>{shortId(detail.engineId)}</code>],
          ]}
        />
      </Card>
      <Card title={words.networks}>
        <Facts
          facts={networks.map(({ name, address, aliases }) => [
            name,
            <>
              {address} {aliases.length > 0 && <span class="muted">{aliases.join(', ')}</span>}
            </>,
          ])}
        />
        {ports.length > 0 && (
          <>
            <h3>{words.ports}</h3>
            <ul class="lines">
              {ports.map((port) => (
                <li key={port}>
                  <code>{port}</code>
                </li>
              ))}
            </ul>
          </>
        )}
      </Card>
      {mounts.length > 0 && (
        <Card title={words.mounts}>
          <ul class="lines">
            {mounts.map(({ kind, source, target, readOnly }) => (
              <li key={target}>
                <code>{source || kind}</code> <span class="muted">→</span> <code>{target}</code>
                {readOnly && <span class="muted"> {words.readOnlyMount}</span>}
              </li>
            ))}
          </ul>
        </Card>
      )}
      {health.length > 0 && (
        <Card title={words.healthChecks}>
          <ul class="lines">
            {health.map(({ at, exitCode, output }) => (
              <li key={at}>
                <span class={`badge ${exitCode === 0 ? 'good' : 'bad'}`}>{exitCode}</span>{' '}
                <span class="muted">{at === null ? '' : time(at)}</span> <code>{output.trim().slice(0, 300)}</code>
              </li>
            ))}
          </ul>
        </Card>
      )}
      {Object.keys(labels).length > 0 && (
        <Card title={words.labels}>
          <Labels labels={labels} />
        </Card>
      )}
    </div>
  );
}

function limits(cpus: number, memory: number): string {
  return [cpus > 0 ? `${number(cpus, 2)} CPU` : '', memory > 0 ? bytes(memory) : ''].filter(Boolean).join(', ');
}

/** What `enxame explain` says. */
function Where({ row }: { readonly row: ContainerRow }) {
  const swarm = useSwarm(1_000);
  const { container: words } = useWords();
  const { value, fault, again } = useAsk<ContainerExplanation>(`containers/${row.id}/explain`, row);
  return (
    <Card title={words.where}>
      {fault !== undefined && !value ? (
        <Fault fault={fault} again={again} />
      ) : !value ? (
        <Loading />
      ) : (
        <>
          <p class="where">
            <NodeLink node={swarm.nodes.get(row.n)} />
            {value.record && <span class="muted">{`${words.wanted}: ${value.record.wanted}`}</span>}
          </p>
          <Fate explanation={value} />
          {value.nodes.length > 0 && <Candidates nodes={value.nodes} />}
        </>
      )}
    </Card>
  );
}

function Fate({ explanation: { record, ifLost } }: { readonly explanation: ContainerExplanation }) {
  const { container: words } = useWords();
  if (!record) return <p class="muted">{words.unrecorded}</p>;
  return (
    <>
      <h3>{words.ifLost}</h3>
      {'to' in ifLost ? (
        <p>
          {words.goesTo(ifLost.to.name)} {ifLost.loses.length > 0 && words.losing(ifLost.loses.join(', '))}
        </p>
      ) : (
        <p class="bad-text">{ifLost.waits ? words.waits(ifLost.why) : words.stays(ifLost.why)}</p>
      )}
    </>
  );
}

const SHOWN = 12;

function Candidates({ nodes }: Pick<ContainerExplanation, 'nodes'>) {
  const { container: words, hive } = useWords();
  const sorted = [...nodes].sort((a, b) => Number(b.isOwn) - Number(a.isOwn));
  return (
    <details class="more">
      <summary>{words.candidates}</summary>
      <ul class="lines">
        {sorted.slice(0, SHOWN).map(({ id, name, isOwn, refusal, missed }) => (
          <li key={id}>
            <span class={`dot ${isOwn ? 'info' : refusal === null ? 'good' : 'bad'}`} aria-hidden="true" />
            <strong>{name}</strong> <span class="muted">{isOwn ? words.isHere : (refusal ?? words.couldRun)}</span>
            {missed.length > 0 && <span class="muted"> ({missed.join(', ')})</span>}
          </li>
        ))}
        {sorted.length > SHOWN && <li class="muted">{hive.others(sorted.length - SHOWN)}</li>}
      </ul>
    </details>
  );
}

function Moves({ row }: { readonly row: ContainerRow }) {
  const swarm = useSwarm(1_000);
  const { container: words } = useWords();
  const { value } = useAsk<readonly PastMove[]>(`containers/${row.id}/moves`, row.n);
  const under = swarm.moves.find(({ id }) => id === row.id);
  const nameOf = (n: number | null): string => (n === null ? '?' : (swarm.nodes.get(n)?.name ?? '?'));
  return (
    <Card title={words.moves}>
      <ol class="moves">
        {under && (
          <li class="under-way">
            <strong>{words.moved(nameOf(under.from), nameOf(under.to))}</strong>
            <span class="muted">
              {under.why} · {ago(under.since, swarm.now)}
            </span>
          </li>
        )}
        {(value ?? []).map(({ from, to, why, at }) => (
          <li key={at}>
            <strong>{words.moved(from, to)}</strong>
            <span class="muted">
              {why} · {ago(at, swarm.now)}
            </span>
          </li>
        ))}
      </ol>
      {value?.length === 0 && !under && <p class="muted">{words.noMoves}</p>}
    </Card>
  );
}
