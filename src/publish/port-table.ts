import { BoundedMap } from '../common/bounded-map.ts';
import { reasonOf } from '../common/errors.ts';
import { keptBecause } from '../common/kept-ports.ts';
import type { Targets } from '../relay/target.ts';
import type { Claim, Sharing } from './claim.ts';
import type { NodePort } from './node-ports.ts';
import type { RingDeps } from './ring.ts';
import { type OpenPort, SharedPort } from './shared-port.ts';

/** Ports that are open at a time, and numbers that are remembered of containers that do not run at present. */
const MAX_PORTS = 4_096;
const MAX_REMEMBERED = 16_384;
/** Ports that are tried again at a time. */
const MAX_RETRIES = 256;

export interface PortTableDeps extends RingDeps {
  /** Opens a port at the endpoint, or any that is free for number 0. Rejects as the system says. */
  readonly open: (protocol: NodePort['protocol'], port: number, targets: Targets) => Promise<OpenPort>;
  /** Whether the client asked for the number that a container has at its node; when nobody can tell, it did. */
  readonly askFixed: (claim: Claim) => Promise<boolean>;
  /** Where a claim is, or why it is not, has changed. */
  readonly onChange: (claim: Claim) => void;
}

/**
 * Which container has which port at the endpoint. A number that was asked for is the same there, and shared by containers that stand in for each
 * other; one that an engine chose is the same where it is free, else another one. What cannot be had waits until it is free.
 */
export class PortTable {
  readonly #deps: PortTableDeps;
  readonly #ports = new Map<string, SharedPort>();
  readonly #waiting = new Set<Claim>();
  /** Numbers by the keys of claims: a container that moves, or is started again, has the same one. */
  readonly #remembered = new BoundedMap<string, number>(MAX_REMEMBERED);
  readonly #placing = new Map<Claim, Promise<void>>();

  constructor(deps: PortTableDeps) {
    this.#deps = deps;
  }

  /** How many are open. */
  get size(): number {
    return this.#ports.size;
  }

  /** How many claims are not at the endpoint. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Opens or shares a port for a claim, in the background. */
  add(claim: Claim): void {
    const placing = this.#place(claim).finally(() => {
      this.#placing.delete(claim);
    });
    this.#placing.set(claim, placing);
  }

  /** Resolves when it is known of a claim whether it is at the endpoint. Never rejects. */
  async settled(claim: Claim): Promise<void> {
    await this.#placing.get(claim);
  }

  remove(claim: Claim): void {
    claim.isGone = true;
    this.#waiting.delete(claim);
    const { shared } = claim;
    if (!shared) return;
    shared.leave(claim);
    this.#closeUnused(shared);
  }

  /** Closes a number (`8080/tcp`) that a program of this host is about to need; the containers behind it wait. */
  yield(number: string): void {
    const shared = this.#ports.get(number);
    if (shared?.port === undefined) return;
    const claims = [...shared.claims];
    for (const claim of claims) shared.leave(claim);
    this.#forget(shared, number);
    shared.close();
    for (const claim of claims) this.#refuse(claim, 'another process has it');
  }

  /** Tries those again that are not at the endpoint. */
  retry(): void {
    const due = [...this.#waiting].slice(0, MAX_RETRIES);
    for (const claim of due) this.#again(claim);
  }

  /** Closes all. */
  close(): void {
    for (const shared of this.#ports.values()) {
      for (const claim of shared.claims) claim.isGone = true;
      shared.close();
    }
    for (const claim of this.#waiting) claim.isGone = true;
    this.#ports.clear();
    this.#waiting.clear();
  }

  #again(claim: Claim): void {
    // Those that were tried last come last.
    if (!this.#waiting.delete(claim)) return;
    this.add(claim);
  }

  /** Never rejects. */
  async #place(claim: Claim): Promise<void> {
    while (!claim.isGone) {
      const wanted = this.#remembered.get(claim.key) ?? claim.at.port;
      const kept = keptBecause(claim.protocol, wanted);
      if (kept) return (await this.#areFixed([claim])) ? this.#refuse(claim, kept) : this.#open(claim, 0);
      const shared = this.#ports.get(keyOf(claim.protocol, wanted));
      if (!shared) return this.#open(claim, wanted);
      await shared.settled;
      if (this.#ports.get(keyOf(claim.protocol, wanted)) !== shared) continue;
      const [first] = shared.claims;
      const mayShare = first?.group === claim.group && (await this.#areFixed([first, claim]));
      if (claim.isGone) return;
      if (mayShare && shared.port !== undefined && shared.claims.size > 0) return this.#join(shared, claim);
      if (!(await this.#areFixed([claim]))) return this.#open(claim, 0);
      if (this.#ports.get(keyOf(claim.protocol, wanted)) !== shared) continue;
      const holder = [...shared.claims][0]?.copy.name ?? 'another container';
      return this.#refuse(claim, `container ${holder} has it there`);
    }
  }

  /** @param port 0: any that is free */
  async #open(claim: Claim, port: number): Promise<void> {
    if (claim.isGone) return; // While its engine was asked.
    if (this.#ports.size >= MAX_PORTS) return this.#refuse(claim, `${MAX_PORTS} ports are open there`);
    const { protocol } = claim;
    const shared = new SharedPort(protocol, this.#deps);
    if (port !== 0) this.#ports.set(keyOf(protocol, port), shared);
    shared.join(claim);
    try {
      const open = await (port === 0 ? this.#openFree(shared) : this.#deps.open(protocol, port, shared));
      if (port === 0) this.#ports.set(keyOf(protocol, open.port), shared);
      shared.opened(open);
      if (shared.claims.size === 0) return this.#closeUnused(shared);
      this.#join(shared, claim);
    } catch (error) {
      this.#forget(shared, keyOf(protocol, port));
      shared.leave(claim);
      shared.opened(undefined);
      if (claim.isGone) return;
      if (port !== 0 && !(await this.#areFixed([claim]))) return this.#open(claim, 0);
      this.#refuse(claim, openingReason(error, port));
    }
  }

  /** Any that is free, and not kept for the host: the system may choose these, too. */
  async #openFree(shared: SharedPort): Promise<OpenPort> {
    const kept: OpenPort[] = [];
    try {
      for (;;) {
        const open = await this.#deps.open(shared.protocol, 0, shared);
        if (!keptBecause(shared.protocol, open.port)) return open;
        kept.push(open);
      }
    } finally {
      for (const open of kept) open.close();
    }
  }

  #join(shared: SharedPort, claim: Claim): void {
    if (!claim.isGone) {
      shared.join(claim);
      claim.problem = undefined;
      if (shared.port !== undefined) this.#remembered.set(claim.key, shared.port);
    }
    this.#deps.onChange(claim);
  }

  #refuse(claim: Claim, why: string): void {
    if (claim.isGone) return;
    this.#waiting.add(claim);
    const problem = `${claim.at.port}/${claim.protocol} not at the endpoint: ${why}`;
    if (claim.problem === problem) return;
    claim.problem = problem;
    this.#deps.onChange(claim);
  }

  async #areFixed(claims: readonly Claim[]): Promise<boolean> {
    for (const claim of claims) {
      claim.isFixed ??= await this.#deps.askFixed(claim);
      if (!claim.isFixed) return false;
    }
    return true;
  }

  #closeUnused(shared: Sharing): void {
    if (shared.claims.size > 0 || shared.port === undefined) return;
    const { port, protocol } = shared;
    this.#forget(shared, keyOf(protocol, port));
    shared.close();
    for (const claim of [...this.#waiting])
      if (claim.at.port === port && claim.protocol === protocol) this.#again(claim);
  }

  #forget(shared: Sharing, key: string): void {
    if (this.#ports.get(key) === shared) this.#ports.delete(key);
  }
}

function keyOf(protocol: NodePort['protocol'], port: number): string {
  return `${port}/${protocol}`;
}

/** Why a port cannot be opened, in words. */
function openingReason(error: unknown, port: number): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return 'another process has it';
    case 'EACCES':
      return port < 1024
        ? 'the manager may not open ports below 1024 (it needs CAP_NET_BIND_SERVICE)'
        : 'the manager may not open it';
    case 'EADDRNOTAVAIL':
      return 'the manager’s host does not have the address of --publish-address';
    case 'EMFILE':
    case 'ENFILE':
      return 'the manager has no file descriptors left';
    default:
      return reasonOf(error);
  }
}
