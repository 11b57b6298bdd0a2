import type { ContainerRow, NodeRow, UseRow } from '../../../src/page/protocol.ts';
import type { Camera } from './camera.ts';
import { type Comb, type Standing, standingOf } from './comb.ts';
import { cellSpot, cellsIn, ROOT3 } from './grid.ts';
import type { Group } from './layout.ts';
import type { Palette } from './palette.ts';

export type ColourBy = 'service' | 'state';

/** What a drawing of the map depends on, besides combs and camera. */
export interface Look {
  readonly palette: Palette;
  readonly colourBy: ColourBy;
  colourOf(row: ContainerRow): string;
  row(id: string): ContainerRow | undefined;
  use(n: number): UseRow | undefined;
  /** Those that are not asked for are drawn faintly. */
  matches(row: ContainerRow): boolean;
  readonly isFiltered: boolean;
  /** In words, below a comb. */
  wordFor(standing: Standing): string;
}

/** From what radius of a comb in pixels on its cells are dots, hexagons, and have details. */
const DOTS = 6;
const HEXAGONS = 20;
const DETAILS = 44;
const NAMES = 34;
const CELL_NAMES = 20;

const FONT = '"Figtree Variable", system-ui, sans-serif';

/** How large a cell is drawn, by what its container reserves: from 16 MiB or a tenth of a CPU to 16 GiB or eight CPUs, each doubling is a step. */
export function sizeOf({ memory = 0, cpus = 0 }: ContainerRow): number {
  if (memory === 0 && cpus === 0) return 0.66;
  const byMemory = memory > 0 ? (Math.log2(memory) - 24) / 10 : 0;
  const byCpus = cpus > 0 ? (Math.log2(cpus) + 3.3) / 6.3 : 0;
  return 0.6 + 0.36 * Math.min(1, Math.max(0, byMemory, byCpus));
}

/** Part of a node that is in use, 0 to 1: as measured, else as reserved. */
export function loadOfNode(node: NodeRow, use: UseRow | undefined): number {
  const [cpus, memory] = use ? [use[1], use[2]] : [node.reservedCpus, node.reservedMemory];
  return Math.min(1, Math.max(node.cpus > 0 ? cpus / node.cpus : 0, node.memory > 0 ? memory / node.memory : 0));
}

/** A hexagon whose points are up. */
export function cellPath(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  const half = (radius * ROOT3) / 2;
  context.moveTo(x, y - radius);
  context.lineTo(x + half, y - radius / 2);
  context.lineTo(x + half, y + radius / 2);
  context.lineTo(x, y + radius);
  context.lineTo(x - half, y + radius / 2);
  context.lineTo(x - half, y - radius / 2);
  context.closePath();
}

/** A hexagon with a flat top. */
export function combPath(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  const half = (radius * ROOT3) / 2;
  context.moveTo(x + radius, y);
  context.lineTo(x + radius / 2, y + half);
  context.lineTo(x - radius / 2, y + half);
  context.lineTo(x - radius, y);
  context.lineTo(x - radius / 2, y - half);
  context.lineTo(x + radius / 2, y - half);
  context.closePath();
}

/** Failure domains: frames of the outer ones, islands of honeycomb below the nodes of the inner ones, and names. */
export function paintGroups(
  context: CanvasRenderingContext2D,
  camera: Camera,
  groups: readonly Group[],
  combs: ReadonlyMap<number, Comb>,
  { palette }: Look,
): void {
  for (const group of groups) {
    const { x, y } = camera.toScreen(group);
    const [width, height] = [group.width * camera.scale, group.height * camera.scale];
    if (x > camera.width || y > camera.height || x + width < 0 || y + height < 0) continue;
    context.beginPath();
    context.roundRect(x, y, width, height, Math.min(18, 0.5 * camera.scale));
    context.fillStyle = group.isLeaf ? palette.island : 'transparent';
    context.strokeStyle = palette.islandEdge;
    context.lineWidth = group.isLeaf ? 1 : 1.5;
    context.setLineDash(group.isLeaf ? [] : [6, 5]);
    context.fill();
    context.stroke();
    context.setLineDash([]);
    paintGroupName(context, group, x, y, width, camera.scale, groupFault(group, combs), palette);
  }
}

function groupFault(group: Group, combs: ReadonlyMap<number, Comb>): number {
  let count = 0;
  for (const id of group.nodes) {
    const comb = combs.get(Number(id));
    if (comb && ['lost', 'unhealthy', 'drill'].includes(standingOf(comb.node))) count += 1;
  }
  return count;
}

function paintGroupName(
  context: CanvasRenderingContext2D,
  group: Group,
  x: number,
  y: number,
  width: number,
  scale: number,
  faults: number,
  palette: Palette,
): void {
  const size = Math.min(17, Math.max(9, scale * 0.5));
  const name = group.label;
  if (width < 34 || name === '') return;
  context.font = `${group.isLeaf ? 600 : 700} ${size}px ${FONT}`;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  const left = Math.max(x, 0) + Math.min(14, scale * 0.5);
  const top = y + Math.max(size * 0.8, Math.min(scale * 0.5, 34));
  context.fillStyle = faults > 0 ? palette.bad : palette.muted;
  const count = `${faults > 0 ? `✕ ${faults}/` : ''}${group.nodes.length}`;
  const room = width - Math.min(28, scale);
  const label = shortened(context, name, room - size * 2.6);
  context.fillText(label, left, top);
  const at = left + context.measureText(label).width + size * 0.6;
  context.font = `500 ${size * 0.85}px ${FONT}`;
  if (at + context.measureText(count).width < x + width - 4) context.fillText(count, at, top);
}

function shortened(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > room) length -= 1;
  return `${text.slice(0, length)}…`;
}

/** One comb, over whatever was there. */
export function paintComb(context: CanvasRenderingContext2D, camera: Camera, comb: Comb, look: Look): void {
  const { x, y } = camera.toScreen(comb.spot);
  const radius = camera.scale;
  const margin = radius * 1.4;
  if (x < -margin || y < -margin || x > camera.width + margin || y > camera.height + margin) return;
  const standing = standingOf(comb.node);
  const { palette } = look;
  const load = loadOfNode(comb.node, look.use(comb.node.n));
  paintGround(context, x, y, radius, standing, load, palette);
  if (radius >= DOTS) paintCells(context, comb, x, y, radius, standing, look);
  if (radius >= HEXAGONS * 0.8) paintBadge(context, x, y, radius, standing, palette);
  if (radius >= NAMES) paintName(context, comb, x, y, radius, standing, look);
}

/** What a repainted comb covers, in pixels: it is cleared before. */
export function clearComb(context: CanvasRenderingContext2D, camera: Camera, comb: Comb, { palette }: Look): void {
  const { x, y } = camera.toScreen(comb.spot);
  const radius = camera.scale;
  context.fillStyle = palette.island;
  context.beginPath();
  combPath(context, x, y, radius + 3);
  context.fill();
  if (radius < NAMES) return;
  context.fillRect(x - radius * 0.9, y + radius * 0.88, radius * 1.8, radius * 0.36);
}

const EDGES: Readonly<Record<Standing, 'combEdge' | 'bad' | 'warn' | 'muted' | 'info'>> = {
  healthy: 'combEdge',
  pending: 'muted',
  unhealthy: 'bad',
  lost: 'bad',
  drill: 'info',
  drain: 'warn',
  pause: 'warn',
};

function paintGround(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  radius: number,
  standing: Standing,
  load: number,
  palette: Palette,
): void {
  const isDown = standing === 'lost' || standing === 'unhealthy' || standing === 'drill';
  const isLeaving = standing === 'drain' || standing === 'pause';
  context.beginPath();
  combPath(context, x, y, radius);
  context.fillStyle = isDown ? palette.badComb : isLeaving ? palette.warnComb : palette.comb;
  context.fill();
  if (!isDown && load > 0.005) paintHoney(context, x, y, radius * 0.985, load, palette);
  if (isDown && radius > 14) paintHatch(context, x, y, radius, standing === 'drill' ? palette.info : palette.bad);
  context.beginPath();
  combPath(context, x, y, radius - 0.5);
  context.strokeStyle = palette[EDGES[standing]];
  context.lineWidth = standing === 'healthy' ? 1 : Math.max(1.5, Math.min(3.5, radius / 16));
  if (standing === 'pending' || standing === 'pause') context.setLineDash([5, 4]);
  context.stroke();
  context.setLineDash([]);
}

/** Fills a comb from below. */
function paintHoney(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  radius: number,
  load: number,
  palette: Palette,
): void {
  const half = (radius * ROOT3) / 2;
  const top = half - 2 * half * load;
  const widthAt = (height: number): number => radius - (Math.abs(height) / half) * (radius / 2);
  context.beginPath();
  context.moveTo(x - widthAt(top), y + top);
  if (top < 0) context.lineTo(x - radius, y);
  context.lineTo(x - radius / 2, y + half);
  context.lineTo(x + radius / 2, y + half);
  if (top < 0) context.lineTo(x + radius, y);
  context.lineTo(x + widthAt(top), y + top);
  context.closePath();
  context.fillStyle = palette.honey;
  context.globalAlpha = 0.55 + 0.4 * load;
  context.fill();
  context.globalAlpha = 1;
  if (radius < 16) return;
  context.beginPath();
  context.moveTo(x - widthAt(top), y + top);
  context.lineTo(x + widthAt(top), y + top);
  context.strokeStyle = palette.honeyTop;
  context.lineWidth = Math.max(1, radius / 50);
  context.stroke();
}

function paintHatch(context: CanvasRenderingContext2D, x: number, y: number, radius: number, colour: string): void {
  context.save();
  context.beginPath();
  combPath(context, x, y, radius);
  context.clip();
  context.beginPath();
  const step = Math.max(6, radius / 6);
  for (let at = -2 * radius; at < 2 * radius; at += step) {
    context.moveTo(x + at - radius, y + radius);
    context.lineTo(x + at + radius, y - radius);
  }
  context.strokeStyle = colour;
  context.globalAlpha = 0.22;
  context.lineWidth = 1.5;
  context.stroke();
  context.restore();
}

function paintCells(
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
  for (const [id, slot] of comb.cells) {
    const row = look.row(id);
    if (!row) continue;
    const at = cellSpot(slot);
    const isFaint = look.isFiltered && !look.matches(row);
    context.globalAlpha = isFaint ? 0.13 : isGhostly ? 0.5 : 1;
    paint(context, row, x + at.x * cell, y + at.y * cell, cell, look);
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
  const taken = new Set(comb.cells.values());
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
  row: ContainerRow,
  x: number,
  y: number,
  cell: number,
  look: Look,
): void {
  const size = Math.max(1.2, cell * 1.45 * sizeOf(row));
  const isLive = LIVE.has(row.state);
  context.fillStyle = faultOf(row, look.palette) ?? (isLive ? look.colourOf(row) : look.palette.idle);
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
  row: ContainerRow,
  x: number,
  y: number,
  cell: number,
  look: Look,
): void {
  const { palette } = look;
  const size = cell * sizeOf(row);
  const fault = faultOf(row, palette);
  context.beginPath();
  cellPath(context, x, y, size);
  if (LIVE.has(row.state)) {
    const faintly = row.state === 'paused' || row.health === 'starting';
    context.fillStyle = look.colourOf(row);
    const alpha = context.globalAlpha;
    if (faintly) context.globalAlpha = alpha * 0.5;
    context.fill();
    context.globalAlpha = alpha;
    if (fault) ring(context, x, y, cell, fault);
    else if (faintly) ring(context, x, y, cell, look.colourOf(row));
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
  if (cell >= CELL_NAMES) paintCellName(context, row, x, y, cell, look);
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
  { palette }: Look,
): void {
  const isFilled = row.state === 'running' && row.health !== 'starting';
  const size = Math.min(13, cell * 0.27);
  context.font = `600 ${size}px ${FONT}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillStyle = isFilled ? palette.onCell : palette.text;
  const room = cell * sizeOf(row) * 1.5;
  const lines = cell > 34 ? linesOf(context, row.name, room) : [shortened(context, row.service ?? row.name, room)];
  const top = y - ((lines.length - 1) * size * 1.1) / 2;
  for (const [at, line] of lines.entries()) context.fillText(line, x, top + at * size * 1.1);
}

/** Breaks a name at its hyphens, into three lines at most. */
function linesOf(context: CanvasRenderingContext2D, name: string, room: number): readonly string[] {
  const lines: string[] = [];
  for (const part of name.split(/(?<=[-_.])/)) {
    const joined = `${lines.at(-1) ?? ''}${part}`;
    if (lines.length > 0 && context.measureText(joined).width <= room) lines[lines.length - 1] = joined;
    else lines.push(part);
  }
  return lines.slice(0, 3).map((line) => shortened(context, line, room));
}

const BADGES: Readonly<Partial<Record<Standing, string>>> = {
  lost: '✕',
  unhealthy: '!',
  drill: '✕',
  drain: '↓',
  pause: '‖',
  pending: '…',
};

function paintBadge(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  radius: number,
  standing: Standing,
  palette: Palette,
): void {
  const badge = BADGES[standing];
  if (!badge) return;
  const size = Math.min(13, Math.max(6, radius * 0.2));
  const [left, top] = [x + radius * 0.5, y - (radius * ROOT3) / 2];
  context.beginPath();
  context.arc(left, top, size, 0, Math.PI * 2);
  context.fillStyle = palette[EDGES[standing]];
  context.fill();
  context.font = `700 ${size * 1.25}px ${FONT}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillStyle = palette.island;
  context.fillText(badge, left, top + 0.5);
}

function paintName(
  context: CanvasRenderingContext2D,
  { node }: Comb,
  x: number,
  y: number,
  radius: number,
  standing: Standing,
  { palette, wordFor }: Look,
): void {
  const size = Math.min(15, Math.max(9, radius * 0.17));
  const top = y + radius * 1.06;
  context.font = `600 ${size}px ${FONT}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const isWell = standing === 'healthy';
  const word = isWell ? '' : ` · ${wordFor(standing)}`;
  const room = radius * 1.75;
  const wordWidth = context.measureText(word).width;
  const name = shortened(context, node.name, Math.max(room - wordWidth, room * 0.4));
  const nameWidth = context.measureText(name).width;
  const left = x - (nameWidth + wordWidth) / 2;
  context.textAlign = 'left';
  context.fillStyle = palette.text;
  context.fillText(name, left, top);
  if (isWell) return;
  context.fillStyle = palette[EDGES[standing]];
  context.fillText(word, left + nameWidth, top);
}
