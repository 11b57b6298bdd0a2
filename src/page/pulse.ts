/** Whether a browser is still there: it answers pings, but not while nothing is read from it. */
export class Pulse {
  #isHeard = true;
  #isHeld = false;

  /** It answered, or took something that stood before the answer in a slow connection. */
  heard(): void {
    this.#isHeard = true;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Nothing is read from it now, answers included: that it is not heard means nothing. */
  hold(): void {
    this.#isHeld = true;
  }

  /** It is read from again, and has until the next but one beat to be heard. */
  release(): void {
    this.#isHeld = false;
    this.#isHeard = true;
  }

  /** To be called before each ping; returns whether the browser is gone. */
  beat(): boolean {
    const isGone = !this.#isHeard && !this.#isHeld;
    this.#isHeard = false;
    return isGone;
  }
}
