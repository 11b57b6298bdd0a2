import { ROOT3 } from './grid.ts';

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
