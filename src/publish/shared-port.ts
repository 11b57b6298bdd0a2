import type { Claim, Sharing } from './claim.ts';
import { Ring, type RingDeps } from './ring.ts';

/** A port that is open at the endpoint. */
export interface OpenPort {
  readonly port: number;
  /** Takes no more traffic. Idempotent. */
  close(): void;
}

/** One port at the endpoint and the containers behind it. */
export class SharedPort extends Ring implements Sharing {
  readonly protocol: Claim['protocol'];
  /** Settles when it is known whether it could be opened; never rejects. */
  readonly settled: Promise<void>;
  #open: OpenPort | undefined;
  #settle: () => void = () => undefined;

  constructor(protocol: Claim['protocol'], deps: RingDeps) {
    super(deps);
    this.protocol = protocol;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get port(): number | undefined {
    return this.#open?.port;
  }

  opened(open: OpenPort | undefined): void {
    this.#open = open;
    this.#settle();
  }

  override join(claim: Claim): void {
    super.join(claim);
    claim.shared = this;
  }

  override leave(claim: Claim): void {
    super.leave(claim);
    if (claim.shared === this) claim.shared = undefined;
  }

  close(): void {
    this.#open?.close();
    this.#open = undefined;
  }
}
