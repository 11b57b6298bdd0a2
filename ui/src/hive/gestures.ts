import type { Camera } from './camera.ts';
import type { Spot } from './grid.ts';

export interface GestureListener {
  /** The camera shows something else. */
  moved(): void;
  pointed(at: Spot | undefined): void;
  clicked(at: Spot): void;
  doubleClicked(at: Spot): void;
}

const CLICK_PIXELS = 5;

/** Wheel, mouse and fingers: drag to move, wheel or pinch to zoom. Returns what ends it. */
export function followGestures(canvas: HTMLCanvasElement, camera: Camera, listener: GestureListener): () => void {
  const fingers = new Map<number, Spot>();
  let travelled = 0;
  const spotOf = ({ clientX, clientY }: MouseEvent): Spot => {
    const { left, top } = canvas.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const ending = new AbortController();
  const on = <K extends keyof HTMLElementEventMap>(
    name: K,
    handle: (event: HTMLElementEventMap[K]) => void,
    passive = true,
  ): void => canvas.addEventListener(name, handle, { signal: ending.signal, passive });

  on('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    if (fingers.size === 0) travelled = 0;
    fingers.set(event.pointerId, spotOf(event));
  });
  on('pointermove', (event) => {
    const spot = spotOf(event);
    const before = fingers.get(event.pointerId);
    if (!before) return listener.pointed(event.pointerType === 'mouse' ? spot : undefined);
    travelled += Math.hypot(spot.x - before.x, spot.y - before.y);
    if (fingers.size === 2) pinch(camera, fingers, event.pointerId, spot);
    else if (travelled > CLICK_PIXELS) camera.pan(spot.x - before.x, spot.y - before.y);
    fingers.set(event.pointerId, spot);
    listener.moved();
  });
  const lift = (event: PointerEvent): void => {
    if (!fingers.delete(event.pointerId) || fingers.size > 0) return;
    if (event.type === 'pointerup' && travelled <= CLICK_PIXELS) listener.clicked(spotOf(event));
  };
  on('pointerup', lift);
  on('pointercancel', lift);
  on('pointerleave', () => listener.pointed(undefined));
  on('dblclick', (event) => listener.doubleClicked(spotOf(event)));
  on(
    'wheel',
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      const steps = Math.max(-240, Math.min(240, event.deltaY * lines));
      camera.zoom(Math.exp(-steps / (event.ctrlKey ? 90 : 380)), spotOf(event));
      listener.moved();
    },
    false,
  );
  return () => ending.abort();
}

function pinch(camera: Camera, fingers: ReadonlyMap<number, Spot>, moved: number, to: Spot): void {
  const before = fingers.get(moved);
  const other = [...fingers].find(([id]) => id !== moved)?.[1];
  if (!before || !other) return;
  const was = Math.hypot(before.x - other.x, before.y - other.y);
  const is = Math.hypot(to.x - other.x, to.y - other.y);
  camera.pan((to.x - before.x) / 2, (to.y - before.y) / 2);
  if (was > 0) camera.zoom(is / was, { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 });
}
