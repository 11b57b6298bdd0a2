import type { Projection } from './camera.ts';
import { type Comb, standingOf } from './comb.ts';
import type { Group } from './layout.ts';
import { FONT, shortened } from './lettering.ts';
import type { Look } from './look.ts';
import type { Palette } from './palette.ts';

/** Failure domains: frames of the outer ones, islands of honeycomb below the nodes of the inner ones, and names. */
export function paintGroups(
  context: CanvasRenderingContext2D,
  camera: Projection,
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
