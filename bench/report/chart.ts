/** One line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** How a chart is drawn. */
export interface ChartOptions {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly scale: 'linear' | 'log';
}

const WIDTH = 820;
const HEIGHT = 460;
const PLOT = { left: 70, right: 610, top: 50, bottom: 400 } as const;
/** Colours that people with any colour vision tell apart (after Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#8c6bb1'] as const;
const LINEAR_TICKS = 5;

/** A line chart as SVG text. Points that a log scale cannot show (0 or less) are left out. */
export function drawChart(series: readonly Series[], options: ChartOptions): string {
  const shown = options.scale === 'log' ? series.map(positive) : series;
  const all = shown.flatMap(({ points }) => points);
  const x = axisOf(
    all.map(([value]) => value),
    PLOT.left,
    PLOT.right,
    options.scale,
  );
  const y = axisOf(
    all.map(([, value]) => value),
    PLOT.bottom,
    PLOT.top,
    options.scale,
  );
  const body = [
    text(WIDTH / 2, 24, options.title, 'middle', 16),
    text((PLOT.left + PLOT.right) / 2, HEIGHT - 16, options.xTitle, 'middle'),
    `<g transform="rotate(-90 18 ${HEIGHT / 2})">${text(18, HEIGHT / 2, options.yTitle, 'middle')}</g>`,
    ...x.ticks.map(
      (tick) =>
        line(x.at(tick), PLOT.top, x.at(tick), PLOT.bottom) + text(x.at(tick), PLOT.bottom + 18, label(tick), 'middle'),
    ),
    ...y.ticks.map(
      (tick) =>
        line(PLOT.left, y.at(tick), PLOT.right, y.at(tick)) + text(PLOT.left - 8, y.at(tick) + 4, label(tick), 'end'),
    ),
    ...shown.map((one, i) => drawSeries(one, i, x, y)),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" role="img" aria-label="${escapeXml(options.title)}">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${body.join('\n')}
</svg>
`;
}

interface Axis {
  readonly ticks: readonly number[];
  readonly at: (value: number) => number;
}

/** Maps values to pixels from `from` to `to`. */
function axisOf(values: readonly number[], from: number, to: number, scale: 'linear' | 'log'): Axis {
  if (scale === 'linear') {
    const top = niceCeiling(Math.max(1, ...values));
    const ticks = Array.from({ length: LINEAR_TICKS + 1 }, (_, i) => (top * i) / LINEAR_TICKS);
    return { ticks, at: (value) => from + ((to - from) * value) / top };
  }
  const low = Math.floor(Math.log10(Math.min(...values, 1e9)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values, 1e-9))));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  return { ticks, at: (value) => from + ((to - from) * (Math.log10(value) - low)) / (high - low) };
}

/** The next number that divides into readable ticks. */
function niceCeiling(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return unit * ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * unit >= value) ?? 10);
}

function drawSeries({ name, points }: Series, index: number, x: Axis, y: Axis): string {
  const colour = COLOURS[index % COLOURS.length];
  const path = points.map(([px, py]) => `${x.at(px).toFixed(1)},${y.at(py).toFixed(1)}`);
  const dots =
    path.length > 20 ? [] : path.map((at) => `<circle cx="${at.replace(',', '" cy="')}" r="3.5" fill="${colour}"/>`);
  const legendY = PLOT.top + 10 + index * 22;
  return [
    `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${path.join(' ')}"/>`,
    ...dots,
    `<rect x="${PLOT.right + 18}" y="${legendY - 9}" width="14" height="4" fill="${colour}"/>`,
    text(PLOT.right + 38, legendY, name, 'start'),
  ].join('');
}

function positive({ name, points }: Series): Series {
  return { name, points: points.filter(([x, y]) => x > 0 && y > 0) };
}

function label(value: number): string {
  return value >= 1000 ? `${value / 1000}k` : String(Number(value.toPrecision(2)));
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#dddddd"/>`;
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end', size: number = 12): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}">${escapeXml(content)}</text>`;
}

function escapeXml(content: string): string {
  return content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
