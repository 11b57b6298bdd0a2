import type { ContainerRow, MoveRow } from '../../../src/page/protocol.ts';
import type { Camera } from './camera.ts';
import type { Spot } from './grid.ts';
import type { Look } from './look.ts';
import type { Pick } from './pick.ts';
import type { Happening, Scene } from './scene.ts';
import { cellPath, combPath } from './shapes.ts';
import { sizeOf } from './size.ts';

const FLIGHT_MS = 1_100;
const PULSE_MS = 700;
/** Happenings that are shown at once; the others have happened without. */
const MOST = 160;

interface Shown {
  readonly what: Happening;
  readonly start: number;
}

/** What lies over the combs: flights, pulses, moves under way, and what is pointed at. Drawn anew in every frame in which something goes on. */
export class Overlay {
  readonly #scene: Scene;
  readonly #canMove: () => boolean;
  #shown: Shown[] = [];
  moves: readonly MoveRow[] = [];
  hovered: Pick | undefined;
  chosen: Pick | undefined;
  cursor: Pick | undefined;

  constructor(scene: Scene, canMove: () => boolean) {
    this.#scene = scene;
    this.#canMove = canMove;
  }

  /** Something moves from place to place, and is to be drawn in each frame. */
  get isSmooth(): boolean {
    return this.#canMove() && (this.moves.length > 0 || this.#shown.some(({ what }) => what.kind === 'move'));
  }

  /** Something changes by itself. */
  get isBusy(): boolean {
    return this.#shown.length > 0 || (this.moves.length > 0 && this.#canMove());
  }

  add(happenings: readonly Happening[], now: number): void {
    if (!this.#canMove()) return;
    const room = MOST - this.#shown.length;
    for (const what of happenings.slice(0, Math.max(0, room))) this.#shown.push({ what, start: now });
  }

  clear(): void {
    this.#shown = [];
  }

  paint(context: CanvasRenderingContext2D, camera: Camera, look: Look, now: number): void {
    context.clearRect(0, 0, camera.width, camera.height);
    this.#paintMoves(context, camera, look, now);
    this.#shown = this.#shown.filter((shown) => this.#paintShown(context, camera, look, shown, now));
    this.#outline(context, camera, this.chosen, look.palette.focus, 3);
    this.#outline(context, camera, this.hovered, look.palette.text, 2);
    this.#outline(context, camera, this.cursor, look.palette.focus, 3, [6, 3]);
  }

  /** Whether it goes on. */
  #paintShown(
    context: CanvasRenderingContext2D,
    camera: Camera,
    look: Look,
    { what, start }: Shown,
    now: number,
  ): boolean {
    const part = (now - start) / (what.kind === 'move' ? FLIGHT_MS : PULSE_MS);
    if (part >= 1) return false;
    if (what.kind === 'move') this.#paintFlight(context, camera, look, what, part);
    else this.#paintPulse(context, camera, look, what, part);
    return true;
  }

  #paintFlight(
    context: CanvasRenderingContext2D,
    camera: Camera,
    look: Look,
    { row, from, size, to }: Extract<Happening, { kind: 'move' }>,
    part: number,
  ): void {
    const target = this.#scene.cellOf(to);
    if (!target) return;
    const eased = part < 0.5 ? 4 * part ** 3 : 1 - (-2 * part + 2) ** 3 / 2;
    const [a, b] = [camera.toScreen(from), camera.toScreen(target.spot)];
    const middle = bend(a, b);
    const radius =
      Math.max(4, (size + (target.radius - size) * eased) * camera.scale * sizeOf(row)) *
      (1 + Math.sin(part * Math.PI) * 0.5);
    context.strokeStyle = look.colourOf(row);
    context.lineWidth = Math.max(2, radius / 3);
    context.globalAlpha = 0.5 * (1 - part);
    context.beginPath();
    const tail = Math.max(0, eased - 0.35);
    for (let at = tail; at <= eased; at += 0.03) {
      const point = onCurve(a, middle, b, at);
      if (at === tail) context.moveTo(point.x, point.y);
      else context.lineTo(point.x, point.y);
    }
    context.stroke();
    context.globalAlpha = 1;
    const place = onCurve(a, middle, b, eased);
    context.beginPath();
    cellPath(context, place.x, place.y, radius);
    context.fillStyle = look.colourOf(row);
    context.fill();
    context.strokeStyle = look.palette.text;
    context.lineWidth = 1.5;
    context.stroke();
  }

  #paintPulse(
    context: CanvasRenderingContext2D,
    camera: Camera,
    look: Look,
    what: Exclude<Happening, { kind: 'move' }>,
    part: number,
  ): void {
    const cell = what.kind === 'went' ? { spot: what.at, radius: what.size } : this.#scene.cellOf(what.row.id);
    if (!cell) return;
    const { x, y } = camera.toScreen(cell.spot);
    const own = Math.max(3, cell.radius * camera.scale);
    context.beginPath();
    cellPath(context, x, y, what.kind === 'went' ? own * (1 - part * 0.6) : own * (1 + part * 0.9));
    context.globalAlpha = 1 - part;
    context.lineWidth = Math.max(1.5, own / 6);
    context.strokeStyle = what.kind === 'went' ? look.palette.muted : pulseColour(what.row, look);
    context.stroke();
    context.globalAlpha = 1;
  }

  #paintMoves(context: CanvasRenderingContext2D, camera: Camera, { palette }: Look, now: number): void {
    if (this.moves.length === 0) return;
    context.strokeStyle = palette.info;
    context.lineWidth = 2;
    context.setLineDash([7, 6]);
    context.lineDashOffset = this.#canMove() ? -now / 40 : 0;
    for (const { id, from, to } of this.moves.slice(0, MOST)) {
      const start = this.#scene.cellOf(id)?.spot ?? (from === null ? undefined : this.#scene.combs.get(from)?.spot);
      const target = to === null ? undefined : this.#scene.combs.get(to)?.spot;
      if (!start || !target) continue;
      const [a, b] = [camera.toScreen(start), camera.toScreen(target)];
      const middle = bend(a, b);
      context.beginPath();
      context.moveTo(a.x, a.y);
      context.quadraticCurveTo(middle.x, middle.y, b.x, b.y);
      context.stroke();
    }
    context.setLineDash([]);
  }

  #outline(
    context: CanvasRenderingContext2D,
    camera: Camera,
    pick: Pick | undefined,
    colour: string,
    width: number,
    dash: readonly number[] = [],
  ): void {
    if (!pick) return;
    context.beginPath();
    if (pick.kind === 'container') {
      const cell = this.#scene.cellOf(pick.id);
      if (!cell) return;
      const { x, y } = camera.toScreen(cell.spot);
      cellPath(context, x, y, Math.max(5, cell.radius * camera.scale));
    } else {
      const comb = this.#scene.combs.get(pick.n);
      if (!comb) return;
      const { x, y } = camera.toScreen(comb.spot);
      combPath(context, x, y, camera.scale + 2);
    }
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash([...dash]);
    context.stroke();
    context.setLineDash([]);
  }
}

function pulseColour(row: ContainerRow, { palette, colourOf }: Look): string {
  if (row.health === 'unhealthy' || row.state === 'dead' || (row.state === 'exited' && row.exitCode))
    return palette.bad;
  return row.state === 'running' ? colourOf(row) : palette.muted;
}

/** The point that bends the way from one place to another upwards. */
function bend(a: Spot, b: Spot): Spot {
  const far = Math.hypot(b.x - a.x, b.y - a.y);
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 - far * 0.28 };
}

function onCurve(a: Spot, middle: Spot, b: Spot, part: number): Spot {
  const [from, via, to] = [(1 - part) ** 2, 2 * part * (1 - part), part ** 2];
  return { x: from * a.x + via * middle.x + to * b.x, y: from * a.y + via * middle.y + to * b.y };
}
