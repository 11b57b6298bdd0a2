import type { ContainerRow } from '../../../src/page/protocol.ts';
import type { Swarm } from '../model/swarm.ts';
import { Camera } from './camera.ts';
import { kinOf, type Standing } from './comb.ts';
import { followGestures } from './gestures.ts';
import type { Spot } from './grid.ts';
import type { Group } from './layout.ts';
import type { ColourBy, Look } from './look.ts';
import { Overlay, type Pick } from './overlay.ts';
import { clearComb, paintComb } from './paint-comb.ts';
import { paintGroups } from './paint-groups.ts';
import { hashOf, type Palette } from './palette.ts';
import { Scene } from './scene.ts';

export interface MapListener {
  pointed(pick: Pick | undefined, at: Spot | undefined): void;
  chosen(pick: Pick | undefined): void;
  /** The keyboard's place on the map. */
  cursor(pick: Pick | undefined): void;
  /** The order of services changed, by which they have their colours. */
  recoloured(): void;
}

export interface MapOptions {
  readonly palette: Palette;
  readonly colourBy: ColourBy;
  readonly matches: (row: ContainerRow) => boolean;
  readonly isFiltered: boolean;
  readonly wordFor: (standing: Standing) => string;
  readonly canMove: boolean;
}

/** From what radius of a comb in pixels its cells can be pointed at. */
const CELLS_FROM = 26;
const MOST_RATIO = 2;
/** A domain that fills the map lets a comb have so many pixels at most. */
const GROUP_SCALE = 130;

/**
 * The map of the swarm on two canvases. The lower one has the combs: a change repaints the combs it is about, the camera repaints all.
 * The upper one has what moves. Nothing is drawn in a frame in which nothing changed.
 */
export class HiveMap {
  readonly scene: Scene;
  readonly #swarm: Swarm;
  readonly #ground: HTMLCanvasElement;
  readonly #top: HTMLCanvasElement;
  readonly #listener: MapListener;
  readonly #camera = new Camera();
  readonly #overlay: Overlay;
  readonly #colours = new Map<string, number>();
  readonly #dirty = new Set<number>();
  readonly #endings: (() => void)[] = [];
  #options: MapOptions;
  #isAllDirty = true;
  #isOverlayDirty = true;
  #frame: number | undefined;
  #wasFitted = false;

  constructor(
    ground: HTMLCanvasElement,
    top: HTMLCanvasElement,
    swarm: Swarm,
    options: MapOptions,
    listener: MapListener,
  ) {
    this.#ground = ground;
    this.#top = top;
    this.#swarm = swarm;
    this.#options = options;
    this.#listener = listener;
    this.scene = new Scene(swarm);
    this.#overlay = new Overlay(this.scene, () => this.#options.canMove);
    this.#overlay.moves = swarm.moves;
    this.#recolour();
    const resizing = new ResizeObserver(() => this.#resize());
    resizing.observe(top);
    this.#endings.push(
      () => resizing.disconnect(),
      swarm.follow((change) => {
        const { isLayoutNew, combs, happenings } = this.scene.take(change);
        if (change.isWhole) this.#recolour();
        if (isLayoutNew) this.#refit();
        for (const n of combs) this.#dirty.add(n);
        this.#overlay.moves = swarm.moves;
        this.#overlay.add(happenings, performance.now());
        this.#isOverlayDirty = true;
        this.#ask();
      }),
      followGestures(top, this.#camera, {
        moved: () => this.#repaint(),
        pointed: (at) => this.#point(at),
        clicked: (at) => this.#click(at),
        doubleClicked: (at) => this.#enter(at),
      }),
    );
    this.#resize();
  }

  close(): void {
    for (const end of this.#endings) end();
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
  }

  set options(options: MapOptions) {
    this.#options = options;
    this.#repaint();
  }

  choose(pick: Pick | undefined): void {
    this.#overlay.chosen = pick;
    this.#isOverlayDirty = true;
    this.#ask();
  }

  /** Shows all of it. */
  fit(): void {
    this.#glide(this.scene.layout.bounds, this.scene.layout.spots.size < 8 ? 190 : undefined);
  }

  zoom(factor: number): void {
    const { width, height } = this.#camera;
    this.#camera.zoom(factor, { x: width / 2, y: height / 2 });
    this.#repaint();
  }

  showGroup(path: readonly string[]): void {
    const group = this.scene.layout.groups.find((each) => each.path.join('/') === path.join('/'));
    if (group) this.#glide(group, GROUP_SCALE);
  }

  showNode(n: number): void {
    const comb = this.scene.combs.get(n);
    if (!comb) return;
    const { x, y } = comb.spot;
    this.#glide({ x: x - 1.6, y: y - 1.6, width: 3.2, height: 3.2 }, 240);
  }

  /** The colour of a kind of container, as on the map. */
  colourOfKind(kind: string): string {
    const { services } = this.#options.palette;
    return services[(this.#colours.get(kind) ?? hashOf(kind)) % services.length] ?? '#888';
  }

  /** Moves the keyboard's place: to the nearest comb in a direction, or to the nearest cell of the comb it is in. */
  step(dx: number, dy: number): void {
    const cursor = this.#overlay.cursor;
    const candidates = this.#steps(cursor);
    const from = this.#spotOf(cursor) ?? this.#camera;
    const next = cursor ? nearestTowards(from, candidates, dx, dy) : nearest(from, candidates);
    if (next) this.setCursor(next);
  }

  /** From a comb to its first cell. */
  stepIn(): boolean {
    const cursor = this.#overlay.cursor;
    if (cursor?.kind !== 'node') return false;
    const [first] = this.scene.combs.get(cursor.n)?.cells.keys() ?? [];
    if (first === undefined) return false;
    this.showNode(cursor.n);
    this.setCursor({ kind: 'container', id: first });
    return true;
  }

  /** From a cell to its comb; false when there is nothing to leave. */
  stepOut(): boolean {
    const cursor = this.#overlay.cursor;
    if (cursor?.kind !== 'container') return false;
    const n = this.scene.row(cursor.id)?.n;
    this.setCursor(n === undefined ? undefined : { kind: 'node', n });
    return true;
  }

  get cursor(): Pick | undefined {
    return this.#overlay.cursor;
  }

  setCursor(pick: Pick | undefined): void {
    this.#overlay.cursor = pick;
    const spot = this.#spotOf(pick);
    if (spot) this.#bringIntoView(spot);
    this.#listener.cursor(pick);
    this.#isOverlayDirty = true;
    this.#ask();
  }

  #steps(cursor: Pick | undefined): readonly (readonly [Pick, Spot])[] {
    if (cursor?.kind === 'container') {
      const comb = this.scene.cellOf(cursor.id)?.comb;
      return comb ? [...comb.cells].map(([id, slot]) => [{ kind: 'container', id }, comb.place(slot)]) : [];
    }
    return [...this.scene.combs].map(([n, { spot }]) => [{ kind: 'node', n }, spot]);
  }

  #spotOf(pick: Pick | undefined): Spot | undefined {
    if (!pick) return undefined;
    return pick.kind === 'node' ? this.scene.combs.get(pick.n)?.spot : this.scene.cellOf(pick.id)?.spot;
  }

  #bringIntoView(spot: Spot): void {
    const { x, y } = this.#camera.toScreen(spot);
    const { width, height, scale } = this.#camera;
    const isSeen = x > 40 && y > 40 && x < width - 40 && y < height - 40;
    if (isSeen && scale >= CELLS_FROM) return;
    this.#camera.glideTo({ ...spot, scale: Math.max(scale, CELLS_FROM * 2) }, performance.now());
    this.#repaint();
  }

  #look(): Look {
    const { palette, colourBy, matches, isFiltered, wordFor } = this.#options;
    return {
      palette,
      colourBy,
      matches,
      isFiltered,
      wordFor,
      row: (id) => this.#swarm.containers.get(id),
      use: (n) => this.#swarm.use.get(n),
      colourOf: (row) => (colourBy === 'service' ? this.colourOfKind(kinOf(row)) : stateColour(row, palette)),
    };
  }

  /** The most frequent kinds have the most different colours. */
  #recolour(): void {
    const sorted = [...this.scene.kinds].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    this.#colours.clear();
    for (const [at, [kind]] of sorted.entries()) this.#colours.set(kind, at);
    this.#listener.recoloured();
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#top;
    if (clientWidth === 0 || clientHeight === 0) return;
    const ratio = Math.min(MOST_RATIO, devicePixelRatio || 1);
    for (const canvas of [this.#ground, this.#top]) {
      canvas.width = Math.round(clientWidth * ratio);
      canvas.height = Math.round(clientHeight * ratio);
      canvas.getContext('2d')?.setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    const camera = this.#camera;
    const before = camera.width / camera.height;
    camera.width = clientWidth;
    camera.height = clientHeight;
    const aspect = clientWidth / clientHeight;
    if (!this.#wasFitted || Math.abs(before - aspect) / aspect > 0.15) {
      this.scene.aspect = aspect;
      this.#wasFitted = false;
    }
    this.#refit();
  }

  /** After combs came or went: what was seen as a whole is so again, else the camera stays. */
  #refit(): void {
    const camera = this.#camera;
    const whole = camera.viewOf(this.scene.layout.bounds, 1.03, this.scene.layout.spots.size < 8 ? 190 : undefined);
    const wasWhole = !this.#wasFitted || camera.scale <= camera.leastScale * 1.02;
    camera.leastScale = whole.scale;
    if (wasWhole) camera.set(whole);
    if (this.scene.combs.size > 0) this.#wasFitted = true;
    this.#repaint();
  }

  #glide(box: { x: number; y: number; width: number; height: number }, mostScale?: number): void {
    const view = this.#camera.viewOf(box, 1.03, mostScale);
    if (this.#options.canMove) this.#camera.glideTo(view, performance.now());
    else this.#camera.set(view);
    this.#repaint();
  }

  #repaint(): void {
    this.#isAllDirty = true;
    this.#ask();
  }

  #ask(): void {
    this.#frame ??= requestAnimationFrame((now) => this.#draw(now));
  }

  #draw(now: number): void {
    this.#frame = undefined;
    const camera = this.#camera;
    if (camera.isGliding) {
      camera.step(now);
      this.#isAllDirty = true;
    }
    const look = this.#look();
    if (this.#isAllDirty) this.#drawAll(look);
    else if (this.#dirty.size > 0) this.#drawDirty(look);
    if (this.#isAllDirty || this.#isOverlayDirty || this.#overlay.isBusy) this.#drawOverlay(look, now);
    this.#dirty.clear();
    this.#isAllDirty = false;
    this.#isOverlayDirty = this.#overlay.isBusy;
    if (this.#overlay.isBusy || camera.isGliding) this.#ask();
  }

  #drawAll(look: Look): void {
    const context = this.#ground.getContext('2d', { alpha: true });
    if (!context) return;
    context.clearRect(0, 0, this.#camera.width, this.#camera.height);
    paintGroups(context, this.#camera, this.scene.layout.groups, this.scene.combs, look);
    for (const comb of this.scene.combs.values()) paintComb(context, this.#camera, comb, look);
  }

  #drawDirty(look: Look): void {
    const context = this.#ground.getContext('2d');
    if (!context) return;
    for (const n of this.#dirty) {
      const comb = this.scene.combs.get(n);
      if (!comb) continue;
      clearComb(context, this.#camera, comb, look);
      paintComb(context, this.#camera, comb, look);
    }
  }

  #drawOverlay(look: Look, now: number): void {
    const context = this.#top.getContext('2d');
    if (context) this.#overlay.paint(context, this.#camera, look, now);
  }

  #pickAt(at: Spot): Pick | undefined {
    const { x, y } = this.#camera.toWorld(at);
    for (const [n, comb] of this.scene.combs) {
      if (Math.hypot(comb.spot.x - x, comb.spot.y - y) > 1.05) continue;
      const id = this.#camera.scale >= CELLS_FROM ? comb.at(x, y) : undefined;
      return id === undefined ? { kind: 'node', n } : { kind: 'container', id };
    }
    return undefined;
  }

  #groupAt(at: Spot): Group | undefined {
    const { x, y } = this.#camera.toWorld(at);
    return this.scene.layout.groups.findLast(
      (group) => x >= group.x && y >= group.y && x <= group.x + group.width && y <= group.y + group.height,
    );
  }

  #point(at: Spot | undefined): void {
    const pick = at && this.#pickAt(at);
    this.#top.classList.toggle('pointing', pick !== undefined);
    if (!isSame(pick, this.#overlay.hovered)) {
      this.#overlay.hovered = pick;
      this.#isOverlayDirty = true;
      this.#ask();
    }
    this.#listener.pointed(pick, at);
  }

  #click(at: Spot): void {
    const pick = this.#pickAt(at);
    if (pick) return this.#listener.chosen(pick);
    const group = this.#groupAt(at);
    const isName = group && this.#camera.toWorld(at).y < group.y + 1.5;
    if (group && isName) this.#glide(group, GROUP_SCALE);
    else this.#listener.chosen(undefined);
  }

  #enter(at: Spot): void {
    const pick = this.#pickAt(at);
    const group = this.#groupAt(at);
    if (pick?.kind === 'node') this.showNode(pick.n);
    else if (group) this.#glide(group, GROUP_SCALE);
  }
}

function stateColour({ state, health, exitCode, wait }: ContainerRow, palette: Palette): string {
  if (wait !== undefined || health === 'unhealthy' || state === 'dead') return palette.bad;
  if (state === 'running') return health === 'starting' ? palette.info : palette.good;
  if (state === 'exited') return exitCode ? palette.bad : palette.idle;
  return state === 'paused' || state === 'restarting' || state === 'removing' ? palette.warn : palette.idle;
}

function isSame(a: Pick | undefined, b: Pick | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function nearest(from: Spot, candidates: readonly (readonly [Pick, Spot])[]): Pick | undefined {
  let best: readonly [Pick, number] | undefined;
  for (const [pick, { x, y }] of candidates) {
    const far = Math.hypot(x - from.x, y - from.y);
    if (!best || far < best[1]) best = [pick, far];
  }
  return best?.[0];
}

function nearestTowards(
  from: Spot,
  candidates: readonly (readonly [Pick, Spot])[],
  dx: number,
  dy: number,
): Pick | undefined {
  let best: readonly [Pick, number] | undefined;
  for (const [pick, { x, y }] of candidates) {
    const along = (x - from.x) * dx + (y - from.y) * dy;
    const aside = Math.abs((x - from.x) * dy - (y - from.y) * dx);
    if (along <= 1e-6 || aside > along * 2) continue;
    const far = along + aside * 1.5;
    if (!best || far < best[1]) best = [pick, far];
  }
  return best?.[0];
}
