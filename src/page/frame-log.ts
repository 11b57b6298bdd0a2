/** Some changes, as the stream tells them: one buffer for all viewers, which must not be modified. */
export interface Frame {
  readonly revision: number;
  readonly bytes: Buffer;
}

/**
 * The latest frames, by their revisions, which grow by one: where a viewer that is behind goes on. What is older than the bound is
 * forgotten, however slow a viewer is.
 */
export class FrameLog {
  readonly #maxBytes: number;
  readonly #frames: Frame[] = [];
  /** Index of the first frame that counts; those before it are taken out now and then. */
  #first = 0;
  #bytes = 0;
  #revision = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Of the last frame; 0 before there was one. */
  get revision(): number {
    return this.#revision;
  }

  /** Takes the frame that `render` makes for the next revision. */
  add(render: (revision: number) => Buffer): void {
    this.#revision += 1;
    const frame = { revision: this.#revision, bytes: render(this.#revision) };
    this.#frames.push(frame);
    this.#bytes += frame.bytes.length;
    while (this.#bytes > this.#maxBytes) this.#forgetFirst();
    if (this.#first <= 1_024) return;
    this.#frames.splice(0, this.#first);
    this.#first = 0;
  }

  /** Whether a viewer that has everything up to `revision` can go on with the frames that are kept. */
  reaches(revision: number): boolean {
    const first = this.#frames[this.#first];
    const oldest = first ? first.revision - 1 : this.#revision;
    return revision >= oldest && revision <= this.#revision;
  }

  /** The frame after `revision`; undefined when there is none yet. Only to be asked of what it {@link reaches}. */
  after(revision: number): Frame | undefined {
    const first = this.#frames[this.#first];
    return first && this.#frames[this.#first + revision + 1 - first.revision];
  }

  /** Forgets all frames: nobody may go on from before. The revision grows, so that nothing of before looks current. */
  clear(): void {
    this.#frames.length = 0;
    this.#first = 0;
    this.#bytes = 0;
    this.#revision += 1;
  }

  #forgetFirst(): void {
    const frame = this.#frames[this.#first];
    if (!frame) return;
    this.#bytes -= frame.bytes.length;
    this.#frames[this.#first] = { revision: frame.revision, bytes: GONE };
    this.#first += 1;
  }
}

const GONE = Buffer.alloc(0);
