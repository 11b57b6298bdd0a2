import type { Projection } from './camera.ts';
import { type Comb, type Standing, standingOf } from './comb.ts';
import { ROOT3 } from './grid.ts';
import { FONT, shortened } from './lettering.ts';
import { DOTS, HEXAGONS, type Look, loadOfNode } from './look.ts';
import { paintCells } from './paint-cells.ts';
import type { Palette } from './palette.ts';
import { combPath } from './shapes.ts';

/** From what radius of a comb in pixels on its name is below it. */
const NAMES = 34;

/** One comb, over whatever was there. */
export function paintComb(context: CanvasRenderingContext2D, camera: Projection, comb: Comb, look: Look): void {
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
export function clearComb(context: CanvasRenderingContext2D, camera: Projection, comb: Comb, { palette }: Look): void {
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
