import { drawChart, type Series } from './chart.ts';
import type { PartResult } from './result.ts';

/** A picture of results: its file name and the SVG. */
export interface Picture {
  readonly file: string;
  readonly caption: string;
  readonly svg: string;
}

/** All pictures the results allow. */
export function picturesOf(results: readonly PartResult[]): Picture[] {
  const sweep = results.filter(({ part, tls }) => part === 'sweep' && !tls).sort((a, b) => a.nodes - b.nodes);
  const soak = results.find(({ part }) => part === 'soak');
  return [...(sweep.length > 1 ? sweepPictures(sweep) : []), ...(soak === undefined ? [] : [soakPicture(soak)])];
}

function sweepPictures(sweep: readonly PartResult[]): Picture[] {
  const operations = [...new Set(sweep.flatMap(({ rows }) => rows.map(({ operation }) => operation)))];
  const cost = operations.map((operation): Series => {
    const points = sweep.flatMap(({ nodes, rows }) => {
      const cpu = rows.find((row) => row.operation === operation)?.manager?.cpuMsPerOp;
      return cpu === undefined ? [] : [[nodes, cpu] as const];
    });
    return { name: operation, points };
  });
  const resting = ['CPU until all healthy', 'time until all healthy', 'memory after boot', 'idle CPU'].map(
    (name): Series => {
      const points = sweep.flatMap(({ nodes, facts }) => {
        const fact = facts.find((one) => one.name === name);
        return fact?.value == null ? [] : [[nodes, fact.value] as const];
      });
      return { name: `${name}, ${unitOf(sweep, name)}`, points };
    },
  );
  const axes = { xTitle: 'nodes', scale: 'log' } as const;
  const costTitle = 'CPU of the manager per operation, by number of nodes';
  const restTitle = 'Booting and resting, by number of nodes';
  return [
    {
      file: 'sweep-cost.svg',
      caption: costTitle,
      svg: drawChart(cost, { ...axes, title: costTitle, yTitle: 'CPU ms per operation' }),
    },
    { file: 'sweep-rest.svg', caption: restTitle, svg: drawChart(resting, { ...axes, title: restTitle, yTitle: '' }) },
  ];
}

function unitOf(results: readonly PartResult[], name: string): string {
  return results.flatMap(({ facts }) => facts).find((fact) => fact.name === name)?.unit ?? '';
}

function soakPicture(soak: PartResult): Picture {
  const samples = soak.samples ?? [];
  const over = (name: string, pick: (sample: (typeof samples)[number]) => number): Series => {
    return { name, points: samples.map((sample) => [sample.seconds / 60, pick(sample)] as const) };
  };
  const title = 'Memory and descriptors of the manager under churn';
  const series = [over('resident, MB', (one) => one.residentMb), over('descriptors', (one) => one.descriptors)];
  const svg = drawChart(series, { title, xTitle: 'minutes', yTitle: '', scale: 'linear' });
  return { file: 'soak.svg', caption: title, svg };
}
