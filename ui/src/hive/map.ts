import type { ContainerRow } from '../../../src/page/protocol.ts';
import { kinOf } from '../model/kin.ts';
import type { Swarm, SwarmChange } from '../model/swarm.ts';
import { Camera } from './camera.ts';
import { Colours, stateColour } from './colours.ts';
import type { Standing } from './comb.ts';
import { followGestures } from './gestures.ts';
import type { Spot } from './grid.ts';
import { Ground, suit } from './ground.ts';
import type { ColourBy, Look } from './look.ts';
import { Overlay } from './overlay.ts';
import type { Palette } from './palette.ts';
import type { Pick } from './pick.ts';
import { Scene } from './scene.ts';
import { nearest, nearestTowards } from './steps.ts';

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
/** Pulses alone are drawn so often, in milliseconds: nobody sees more of them, and each drawing of the whole map's size has its price. */
const PULSE_STEP_MS = 66;
/** A domain that fills the map lets a comb have so many pixels at most. */
const GROUP_SCALE = 130;

/**
 * The map of the swarm: below the combs, see {@link Ground}, above them what moves. Nothing is drawn in a frame in which nothing changed.
 */
export class HiveMap {
  readonly scene: Scene;
  readonly colours: Colours = new Colours();
  readonly #swarm: Swarm;
  readonly #ground: Ground;
  readonly #top: HTMLCanvasElement;
  readonly #listener: MapListener;
  readonly #camera = new Camera();
  readonly #overlay: Overlay;
  readonly #dirty = new Set<number>();
  readonly #endings: (() => void)[] = [];
  #options: MapOptions;
  #isAllDirty = true;
  #isOverlayDirty = true;
  #frame: number | undefined;
  #pulse: number | undefined;
  #overlayAt = 0;
  #wasFitted = false;

  constructor(
    ground: readonly [HTMLCanvasElement, HTMLCanvasElement],
    top: HTMLCanvasElement,
    swarm: Swarm,
    options: MapOptions,
    listener: MapListener,
  ) {
    this.#ground = new Ground(...ground);
    this.#top = top;
    this.#swarm = swarm;
    this.#options = options;
    this.#listener = listener;
    this.scene = new Scene(swarm, top.clientWidth / Math.max(1, top.clientHeight));
    this.#overlay = new Overlay(this.scene, () => this.#options.canMove);
    this.#overlay.moves = swarm.moves;
    this.#recolour();
    const resizing = new ResizeObserver(() => this.#resize());
    resizing.observe(top);
    this.#endings.push(
      () => resizing.disconnect(),
      swarm.follow((change) => this.#take(change)),
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
    clearTimeout(this.#pulse);
  }

  set options(options: MapOptions) {
    this.#options = options;
    this.#recolour();
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

  /** Moves the keyboard's place: to the nearest comb in a direction, or to the nearest cell of the comb it is in. */
  step(dx: number, dy: number): void {
    const cursor = this.#overlay.cursor;
    const candidates = this.scene.steps(cursor);
    const from = this.scene.spotOf(cursor) ?? this.#camera;
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
    const spot = this.scene.spotOf(pick);
    if (spot) this.#bringIntoView(spot);
    this.#listener.cursor(pick);
    this.#isOverlayDirty = true;
    this.#ask();
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
      use: (n) => this.#swarm.use.get(n),
      colourOf: (row, kin = kinOf(row)) =>
        colourBy === 'service' ? this.colours.ofKind(kin) : stateColour(row, palette),
    };
  }

  #recolour(): void {
    this.colours.rank(this.#swarm.kinds, this.#options.palette);
    this.#listener.recoloured();
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#top;
    if (clientWidth === 0 || clientHeight === 0) return;
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
    if (camera.isGliding) camera.step(now);
    const look = this.#look();
    const ground = this.#ground;
    ground.repaint(this.#dirty, this.scene, look);
    this.#dirty.clear();
    if (this.#isAllDirty && !ground.isPainting) {
      ground.begin(camera.still(), this.scene, look);
      this.#isAllDirty = false;
    }
    if (ground.goOn(this.scene)) this.#markFirst();
    const isExact = ground.follow(camera);
    this.#isAllDirty ||= !isExact && !ground.isPainting;
    this.#drawOverlay(look, now, isExact);
    if (this.#isAllDirty || ground.isPainting || camera.isGliding || this.#overlay.isSmooth) this.#ask();
    else if (this.#overlay.isBusy) this.#askSoon();
  }

  /** For who measures how soon there is something to see. */
  #markFirst(): void {
    const mark = this.#swarm.isReady ? 'map-of-all' : 'map';
    if (performance.getEntriesByName(mark).length === 0) performance.mark(mark);
  }

  /** What moves is drawn in each frame, pulses now and then. */
  #drawOverlay(look: Look, now: number, isStill: boolean): void {
    const overlay = this.#overlay;
    const isDue = overlay.isSmooth || (overlay.isBusy && now - this.#overlayAt >= PULSE_STEP_MS * 0.9);
    if (isStill && !this.#isOverlayDirty && !isDue) return;
    const context = this.#top.getContext('2d');
    if (!context) return;
    suit(this.#top, context, this.#camera);
    overlay.paint(context, this.#camera, look, now);
    this.#overlayAt = now;
    this.#isOverlayDirty = false;
  }

  /** Asks for a frame when the next step of a pulse is due. */
  #askSoon(): void {
    this.#pulse ??= setTimeout(() => {
      this.#pulse = undefined;
      this.#ask();
    }, PULSE_STEP_MS);
  }

  #take(change: SwarmChange): void {
    const { isLayoutNew, combs, happenings } = this.scene.take(change);
    if (change.isWhole) this.#recolour();
    if (isLayoutNew) this.#refit();
    for (const n of combs) this.#dirty.add(n);
    this.#overlay.moves = this.#swarm.moves;
    this.#overlay.add(happenings, performance.now());
    // An outline may be of something that went.
    if (!this.#overlay.isBusy) this.#isOverlayDirty = true;
    this.#ask();
  }

  #point(at: Spot | undefined): void {
    const pick = at && this.scene.pickAt(this.#camera.toWorld(at), this.#camera.scale >= CELLS_FROM);
    this.#top.classList.toggle('pointing', pick !== undefined);
    if (!isSame(pick, this.#overlay.hovered)) {
      this.#overlay.hovered = pick;
      this.#isOverlayDirty = true;
      this.#ask();
    }
    this.#listener.pointed(pick, at);
  }

  #click(at: Spot): void {
    const pick = this.scene.pickAt(this.#camera.toWorld(at), this.#camera.scale >= CELLS_FROM);
    if (pick) return this.#listener.chosen(pick);
    const group = this.scene.groupAt(this.#camera.toWorld(at));
    const isName = group && this.#camera.toWorld(at).y < group.y + 1.5;
    if (group && isName) this.#glide(group, GROUP_SCALE);
    else this.#listener.chosen(undefined);
  }

  #enter(at: Spot): void {
    const pick = this.scene.pickAt(this.#camera.toWorld(at), this.#camera.scale >= CELLS_FROM);
    const group = this.scene.groupAt(this.#camera.toWorld(at));
    if (pick?.kind === 'node') this.showNode(pick.n);
    else if (group) this.#glide(group, GROUP_SCALE);
  }
}

function isSame(a: Pick | undefined, b: Pick | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
