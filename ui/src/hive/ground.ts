import type { Projection } from './camera.ts';
import type { Comb } from './comb.ts';
import type { Look } from './look.ts';
import { clearComb, paintComb } from './paint-comb.ts';
import { paintGroups } from './paint-groups.ts';
import type { Scene } from './scene.ts';

/** Everything is painted anew in pieces of so many milliseconds; a frame has 16. */
const PIECE_MS = 6;
const MOST_RATIO = 2;
/** Combs that are painted between two looks at the clock. */
const COMBS_AT_ONCE = 8;

interface Painting {
  readonly view: Projection;
  readonly look: Look;
  readonly combs: readonly Comb[];
  at: number;
  /** Combs that changed after it began. */
  readonly late: Set<number>;
}

/**
 * The combs, on two sheets. A change repaints its combs on the sheet that is seen. When the camera moves, that sheet moves and grows with it,
 * which costs nothing, while all of the map is painted on the other one, in pieces that leave room for other work in each frame; then the
 * sheets change places.
 */
export class Ground {
  #front: HTMLCanvasElement;
  #back: HTMLCanvasElement;
  /** What the sheet that is seen shows. */
  #view: Projection | undefined;
  #painting: Painting | undefined;

  constructor(front: HTMLCanvasElement, back: HTMLCanvasElement) {
    this.#front = front;
    this.#back = back;
    back.style.visibility = 'hidden';
  }

  get isPainting(): boolean {
    return this.#painting !== undefined;
  }

  /** Begins to paint all of it as it is seen from `view`. Not to be called while it {@link isPainting}. */
  begin(view: Projection, scene: Scene, look: Look): void {
    const context = contextOf(this.#back);
    suit(this.#back, context, view);
    context.clearRect(0, 0, view.width, view.height);
    paintGroups(context, view, scene.layout.groups, scene.combs, look);
    this.#painting = { view, look, combs: [...scene.combs.values()], at: 0, late: new Set() };
  }

  /** Paints a piece; returns whether that was the last one. */
  goOn(scene: Scene): boolean {
    const painting = this.#painting;
    if (!painting) return false;
    const { view, look, combs } = painting;
    const context = contextOf(this.#back);
    const end = performance.now() + PIECE_MS;
    while (painting.at < combs.length && performance.now() < end) {
      for (const comb of combs.slice(painting.at, painting.at + COMBS_AT_ONCE)) paintComb(context, view, comb, look);
      painting.at += COMBS_AT_ONCE;
    }
    if (painting.at < combs.length) return false;
    this.#painting = undefined;
    [this.#front, this.#back] = [this.#back, this.#front];
    this.#front.style.visibility = 'visible';
    this.#back.style.visibility = 'hidden';
    this.#view = view;
    this.repaint(painting.late, scene, look);
    return true;
  }

  /** Paints some combs anew, as they are seen now. */
  repaint(numbers: Iterable<number>, scene: Scene, look: Look): void {
    const view = this.#view;
    if (!view) return;
    const context = contextOf(this.#front);
    for (const n of numbers) {
      this.#painting?.late.add(n);
      const comb = scene.combs.get(n);
      if (!comb) continue;
      clearComb(context, view, comb, look);
      paintComb(context, view, comb, look);
    }
  }

  /** Moves the sheet to where the camera sees it; returns whether it shows exactly that. */
  follow(camera: Projection): boolean {
    const view = this.#view;
    if (!view) return false;
    const isExact = camera.shows(view);
    const { x, y } = camera.toScreen(view.toWorld({ x: 0, y: 0 }));
    this.#front.style.transform = isExact ? '' : `translate(${x}px, ${y}px) scale(${camera.scale / view.scale})`;
    return isExact;
  }
}

/** Makes a sheet as large as the screen of a view. */
export function suit(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D, view: Projection): void {
  const ratio = Math.min(MOST_RATIO, devicePixelRatio || 1);
  const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, { width, height });
    Object.assign(canvas.style, { width: `${view.width}px`, height: `${view.height}px` });
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d');
  if (!context) throw new Error('this browser has no canvas');
  return context;
}
