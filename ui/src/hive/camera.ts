import type { Spot } from './grid.ts';
import type { Box } from './layout.ts';

const MOST_SCALE = 420;
const GLIDE_MS = 420;
/** Pixels that buttons take: at the right edge of a wide map, at the lower edge of a narrow one. */
const TOOLS = 60;
const NARROW = 600;

/** What part of the map is seen, on how large a screen: `x`, `y` in world units is at the middle, `scale` pixels to a unit. */
export class Projection {
  x = 0;
  y = 0;
  scale = 40;
  width = 1;
  height = 1;

  toScreen(spot: Spot): Spot {
    return { x: (spot.x - this.x) * this.scale + this.width / 2, y: (spot.y - this.y) * this.scale + this.height / 2 };
  }

  toWorld(spot: Spot): Spot {
    return { x: (spot.x - this.width / 2) / this.scale + this.x, y: (spot.y - this.height / 2) / this.scale + this.y };
  }

  /** As it is now. */
  still(): Projection {
    const { x, y, scale, width, height } = this;
    return Object.assign(new Projection(), { x, y, scale, width, height });
  }

  shows({ x, y, scale, width, height }: Projection): boolean {
    return x === this.x && y === this.y && scale === this.scale && width === this.width && height === this.height;
  }
}

/** A projection that a person moves. */
export class Camera extends Projection {
  /** The least scale: all of the map with some air. */
  leastScale = 1;
  #glide: { readonly from: View; readonly to: View; readonly start: number } | undefined;

  get isGliding(): boolean {
    return this.#glide !== undefined;
  }

  /** Where all of a box is seen. */
  viewOf(box: Box, air = 1.03, mostScale = MOST_SCALE): View {
    const [right, below] = this.width > NARROW ? [TOOLS, 0] : [0, TOOLS];
    const scale = Math.min(
      (this.width - right) / (box.width * air),
      (this.height - below) / (box.height * air),
      mostScale,
    );
    return {
      x: box.x + box.width / 2 + right / 2 / scale,
      y: box.y + box.height / 2 + below / 2 / scale,
      scale,
    };
  }

  set({ x, y, scale }: View): void {
    this.#glide = undefined;
    Object.assign(this, { x, y, scale: this.#bounded(scale) });
  }

  glideTo(to: View, now: number): void {
    this.#glide = { from: { x: this.x, y: this.y, scale: this.scale }, to, start: now };
  }

  /** Goes on with a glide. */
  step(now: number): void {
    const glide = this.#glide;
    if (!glide) return;
    const part = Math.min(1, (now - glide.start) / GLIDE_MS);
    const eased = 1 - (1 - part) ** 3;
    const { from, to } = glide;
    // Scales are even steps when they are multiplied.
    this.scale = from.scale * (to.scale / from.scale) ** eased;
    this.x = from.x + (to.x - from.x) * eased;
    this.y = from.y + (to.y - from.y) * eased;
    if (part === 1) this.#glide = undefined;
  }

  pan(dx: number, dy: number): void {
    this.#glide = undefined;
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
  }

  /** Keeps what is at a place of the screen there. */
  zoom(factor: number, at: Spot): void {
    this.#glide = undefined;
    const before = this.toWorld(at);
    this.scale = this.#bounded(this.scale * factor);
    const after = this.toWorld(at);
    this.x += before.x - after.x;
    this.y += before.y - after.y;
  }

  #bounded(scale: number): number {
    return Math.min(MOST_SCALE, Math.max(this.leastScale * 0.7, scale));
  }
}

export interface View {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}
