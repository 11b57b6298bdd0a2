import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useTheme } from '../model/theme.ts';
import { currentLanguage } from '../words/words.ts';

export interface PlotLine {
  readonly label: string;
  /** Which colour of the map. */
  readonly colour: number;
  readonly values: readonly number[];
}

interface PlotProps {
  readonly title: string;
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  readonly lines: readonly PlotLine[];
  readonly format: (value: number) => string;
  /** Drawn as a line of its own: a limit. */
  readonly limit?: number;
  /** Steps of the axis are powers of two. */
  readonly isBinary?: boolean;
}

const BINARY_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);

const HEIGHT = 170;

/** Values over time; the last ones stand beside the title as text. */
export function Plot({ title, times, lines, format, limit, isBinary }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const { palette } = useTheme();
  const language = currentLanguage();
  useEffect(() => {
    const element = box.current;
    if (!element || times.length === 0) return;
    const axis = { stroke: palette.muted, grid: { stroke: palette.combEdge, width: 0.5 }, ticks: { show: false } };
    const font = '12px "Figtree Variable", system-ui, sans-serif';
    const data: uPlot.AlignedData = [[...times], ...lines.map(({ values }) => [...values])];
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false },
        scales: { y: { range: (_, __, most) => [0, Math.max(most * 1.1, limit ?? 0, 1e-9)] } },
        axes: [
          { ...axis, font, values: (_, splits) => splits.map((at) => clockOf(at, language)) },
          {
            ...axis,
            font,
            size: 74,
            values: (_, splits) => splits.map(format),
            ...(isBinary && { incrs: BINARY_STEPS }),
          },
        ],
        series: [
          {},
          ...lines.map(({ label, colour }) => {
            const stroke = palette.services[colour] ?? palette.honeyTop;
            return { label, stroke, width: 1.8, fill: `${stroke}22`, points: { show: false } };
          }),
        ],
      },
      data,
      element,
    );
    const resizing = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    resizing.observe(element);
    return () => {
      resizing.disconnect();
      plot.destroy();
    };
  }, [times, lines, palette, limit, language, format, isBinary]);
  return (
    <figure class="plot">
      <figcaption>
        <strong>{title}</strong>
        {lines.map(({ label, colour, values }) => (
          <span key={label} class="plot-value">
            <span style={{ color: palette.services[colour] }} aria-hidden="true">
              ⬢
            </span>
            {lines.length > 1 && <span class="muted">{label}</span>} {format(values.at(-1) ?? 0)}
          </span>
        ))}
      </figcaption>
      <div ref={box} class="plot-box" aria-hidden="true" />
    </figure>
  );
}

function clockOf(seconds: number, language: string): string {
  return new Date(seconds * 1000).toLocaleTimeString(language, {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
}
