import type { ContainerRow } from '../../../src/page/protocol.ts';
import type { Cell, Comb, Standing } from './comb.ts';
import { cellSpot, cellsIn } from './grid.ts';
import { FONT, linesOf, shortened } from './lettering.ts';
import { HEXAGONS, type Look } from './look.ts';
import type { Palette } from './palette.ts';
import { cellPath } from './shapes.ts';

/** From what radius of a comb in pixels on free places are shown. */
const DETAILS = 44;
/** From what radius of a cell in pixels on it has a name. */
const CELL_NAMES = 20;

/** The containers of a comb whose middle and radius are given in pixels. */
export function paintCells(
  context: CanvasRenderingContext2D,
  comb: Comb,
  x: number,
  y: number,
  radius: number,
  standing: Standing,
  look: Look,
): void {
  const cell = comb.radius * radius;
  const isGhostly = standing === 'lost' || standing === 'unhealthy' || standing === 'drill';
  if (radius >= DETAILS) paintEmpty(context, comb, x, y, cell, look.palette);
  const paint = radius >= HEXAGONS ? paintCell : paintDot;
  for (const each of comb.cells.values()) {
    const at = cellSpot(each.slot);
    const isFaint = look.isFiltered && !look.matches(each.row);
    context.globalAlpha = isFaint ? 0.13 : isGhostly ? 0.5 : 1;
    paint(context, each, x + at.x * cell, y + at.y * cell, cell, look);
  }
  context.globalAlpha = 1;
}

function paintEmpty(
  context: CanvasRenderingContext2D,
  comb: Comb,
  x: number,
  y: number,
  cell: number,
  palette: Palette,
): void {
  context.beginPath();
  const taken = new Set([...comb.cells.values()].map(({ slot }) => slot));
  const count = cellsIn(comb.rings);
  for (let slot = 0; slot < count; slot++) {
    if (taken.has(slot)) continue;
    const at = cellSpot(slot);
    cellPath(context, x + at.x * cell, y + at.y * cell, cell * 0.84);
  }
  context.strokeStyle = palette.empty;
  context.lineWidth = 1;
  context.stroke();
}

const LIVE: ReadonlySet<string> = new Set(['running', 'restarting', 'paused', 'removing']);

/** A cell too small for a shape. */
function paintDot(
  context: CanvasRenderingContext2D,
  { row, kin, size: part }: Cell,
  x: number,
  y: number,
  cell: number,
  look: Look,
): void {
  const size = Math.max(1.2, cell * 1.45 * part);
  const isLive = LIVE.has(row.state);
  context.fillStyle = faultOf(row, look.palette) ?? (isLive ? look.colourOf(row, kin) : look.palette.idle);
  if (!isLive) context.globalAlpha *= 0.55;
  context.fillRect(x - size / 2, y - size / 2, size, size);
}

function faultOf({ state, health, exitCode, wait }: ContainerRow, palette: Palette): string | undefined {
  if (wait !== undefined || health === 'unhealthy' || state === 'dead') return palette.bad;
  if (state === 'exited' && exitCode !== undefined && exitCode !== 0) return palette.bad;
  return state === 'restarting' ? palette.warn : undefined;
}

function paintCell(
  context: CanvasRenderingContext2D,
  { row, kin, size: part }: Cell,
  x: number,
  y: number,
  cell: number,
  look: Look,
): void {
  const { palette } = look;
  const size = cell * part;
  const fault = faultOf(row, palette);
  context.beginPath();
  cellPath(context, x, y, size);
  if (LIVE.has(row.state)) {
    const faintly = row.state === 'paused' || row.health === 'starting';
    context.fillStyle = look.colourOf(row, kin);
    const alpha = context.globalAlpha;
    if (faintly) context.globalAlpha = alpha * 0.5;
    context.fill();
    context.globalAlpha = alpha;
    if (fault) ring(context, x, y, cell, fault);
    else if (faintly) ring(context, x, y, cell, look.colourOf(row, kin));
    if (row.state === 'paused' && cell > 7) paintBars(context, x, y, size, palette);
  } else {
    context.strokeStyle = fault ?? palette.idle;
    context.lineWidth = Math.max(1, cell / 9);
    if (row.wait !== undefined) context.setLineDash([cell / 3, cell / 4]);
    context.stroke();
    context.setLineDash([]);
    // Where there is room for a name, that is in the middle.
    const lift = cell >= CELL_NAMES ? 0.62 : 0;
    if (fault && cell > 7) paintCross(context, x, y - size * lift, size * (lift ? 0.16 : 0.3), fault);
  }
  if (cell >= CELL_NAMES) paintCellName(context, row, x, y, cell, size, look);
}

function ring(context: CanvasRenderingContext2D, x: number, y: number, cell: number, colour: string): void {
  context.beginPath();
  cellPath(context, x, y, cell * 0.9);
  context.strokeStyle = colour;
  context.lineWidth = Math.max(1.2, cell / 8);
  context.stroke();
}

function paintBars(context: CanvasRenderingContext2D, x: number, y: number, size: number, { text }: Palette): void {
  context.fillStyle = text;
  context.fillRect(x - size * 0.3, y - size * 0.35, size * 0.2, size * 0.7);
  context.fillRect(x + size * 0.1, y - size * 0.35, size * 0.2, size * 0.7);
}

function paintCross(context: CanvasRenderingContext2D, x: number, y: number, size: number, colour: string): void {
  context.beginPath();
  context.moveTo(x - size, y - size);
  context.lineTo(x + size, y + size);
  context.moveTo(x + size, y - size);
  context.lineTo(x - size, y + size);
  context.strokeStyle = colour;
  context.stroke();
}

function paintCellName(
  context: CanvasRenderingContext2D,
  row: ContainerRow,
  x: number,
  y: number,
  cell: number,
  width: number,
  { palette }: Look,
): void {
  const isFilled = row.state === 'running' && row.health !== 'starting';
  const size = Math.min(13, cell * 0.27);
  context.font = `600 ${size}px ${FONT}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillStyle = isFilled ? palette.onCell : palette.text;
  const room = width * 1.5;
  const lines = cell > 34 ? linesOf(context, row.name, room) : [shortened(context, row.service ?? row.name, room)];
  const top = y - ((lines.length - 1) * size * 1.1) / 2;
  for (const [at, line] of lines.entries()) context.fillText(line, x, top + at * size * 1.1);
}
