import { useMemo, useState } from 'preact/hooks';
import type { Series } from '../../../src/page/protocol.ts';
import { useSession } from '../model/app.ts';
import { useAsk } from '../model/ask.ts';
import { Fault, Loading, Nothing } from '../parts/fault.tsx';
import { Plot, type PlotLine } from '../parts/plot.tsx';
import { bytes, number } from '../words/format.ts';
import { useWords } from '../words/words.ts';

const AGAIN_MS = 15_000;

/** What a container or a node used over the last hour or day. `path` is that of its statistics. */
export function UsePlots({ path, memory }: { readonly path: string; readonly memory?: number }) {
  const { stats } = useWords();
  const session = useSession();
  const [span, setSpan] = useState<Series['span']>('hour');
  const isOff = session?.has.stats === false;
  const { value, fault, again } = useAsk<Series>(isOff ? undefined : `${path}?span=${span}`, 0, AGAIN_MS);
  if (isOff) return <Nothing title={stats.off} />;
  return (
    <div class="plots">
      <fieldset class="switch">
        <legend class="unseen">{stats.span}</legend>
        {(['hour', 'day'] as const).map((each) => (
          <label key={each}>
            <input type="radio" name="span" checked={span === each} onChange={() => setSpan(each)} />
            <span>{stats[each]}</span>
          </label>
        ))}
      </fieldset>
      {fault !== undefined && !value ? (
        <Fault fault={fault} again={again} />
      ) : !value ? (
        <Loading />
      ) : value.points.length === 0 ? (
        <Nothing title={stats.empty} />
      ) : (
        <Plots series={value} {...(memory ? { memory } : {})} />
      )}
    </div>
  );
}

function Plots({ series, memory }: { readonly series: Series; readonly memory?: number }) {
  const { stats } = useWords();
  const { times, cpu, used, network, disk } = useMemo(() => {
    const column = (name: string): readonly number[] => {
      const at = series.columns.indexOf(name);
      return series.points.map((point) => point[at] ?? 0);
    };
    const line = (name: string, label: string, colour: number): PlotLine => ({ label, colour, values: column(name) });
    return {
      times: column('time'),
      cpu: [line('cpus', stats.cpu, 0)],
      used: [line('memory', stats.memory, 1)],
      network: [line('received', stats.received, 2), line('sent', stats.sent, 3)],
      disk: [line('read', stats.read, 4), line('written', stats.written, 5)],
    };
  }, [series, stats]);
  return (
    <div class="plot-grid">
      <Plot title={stats.cpu} times={times} lines={cpu} format={cpus} />
      <Plot
        title={stats.memory}
        times={times}
        lines={used}
        format={bytes}
        isBinary
        {...(memory ? { limit: memory } : {})}
      />
      <Plot title={stats.network} times={times} lines={network} format={rate} isBinary />
      <Plot title={stats.disk} times={times} lines={disk} format={rate} isBinary />
    </div>
  );
}

function cpus(value: number): string {
  return number(value, value < 1 ? 3 : 2);
}

function rate(value: number): string {
  return `${bytes(value)}/s`;
}
