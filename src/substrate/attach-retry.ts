/** What one attempt to start or connect a container on cluster networks failed with. */
export interface AttachFailure {
  readonly message: string;
  /** Attempts so far, this one included. */
  readonly attempt: number;
}

/** What is known of the networks in question. */
export interface AttachContext {
  /** Whether a network exists in the cluster and spans it, by name or ID. */
  readonly isClusterNetwork: (network: string) => boolean;
  /** Whether the client asked for an address of its own choice. */
  readonly hasFixedAddress: boolean;
}

/** How long all attempts together may take, in milliseconds; the engine itself takes up to 20 s for one. */
export const ATTACH_LIMIT_MS = 60_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4_000;

/**
 * What engines of 20.10, 26.1 and 28.5 say while the substrate is not ready on them or is just being repaired. Engines from 26 put
 * `failed to set up container networking: ` or `failed to create endpoint …: ` in front of some. All of it passes; whatever an
 * engine says besides (a busy port, a missing device, a bad mount) is final.
 */
const PASSING: readonly RegExp[] = [
  // No manager took up the attachment within the engine's 20 s: an election, or a fresh worker that is not known everywhere.
  /attaching to network failed, make sure your network options are correct and check manager logs/i,
  /could not attach to network \S+: (context deadline exceeded|rpc error)/i,
  // No leader, in the words of a manager and of its Raft store.
  /the swarm does not have a leader/i,
  /(lost leader status|raft: stopped|node lost leader)/i,
  // The engine is just joining, leaving or restarting its swarm component.
  /swarm component could not be found/i,
  /this node is not (part of a swarm|a swarm manager)|not a swarm (node|member)/i,
  // What an overlay network of the same subnet that is just being torn down still holds on that node.
  /subnet sandbox join failed/i,
  /error creating vxlan interface: file exists/i,
  /failed to get network during createendpoint/i,
];
/**
 * An address the swarm gave which the node's own books still hold: after a new quorum was made, until the lost attachment is
 * cleared there. The same words with `bind:` or a port are a busy host port, which is final, and so is an address a client chose.
 */
const STALE_ADDRESS =
  /^(?:failed to set up container networking: )?(?:address already in use|no available addresses on this pool)$/i;
/** The books of one cluster network on a node, as above. */
const FULL_BOOKS = /no available ipv4 addresses on this network's address pools: (\S+) \(/i;
/**
 * Engines of 26 and 28 attach several networks in random order and look for the one of the network mode too early: the next
 * attempt is another throw of the dice, and most of them may fail. Such a container was created with one network and
 * connected to others later (else see networking-config.ts).
 */
const UNLUCKY = /could not find a network matching network mode (\S+): /i;
const UNLUCKY_WAIT_MS = 50;
/** Said of a network that a fresh worker has not heard of; passing only when the cluster does have the network. */
const UNHEARD = /network (\S+) not found/i;

/**
 * How long to wait before a start or connect that an engine refused is tried again, in milliseconds; undefined when the
 * refusal is final. A refusal that passes leaves the container as it was, so that trying again repeats nothing.
 */
export function attachRetryDelayMs({ message, attempt }: AttachFailure, context: AttachContext): number | undefined {
  const unlucky = UNLUCKY.exec(message)?.[1];
  if (unlucky !== undefined) return context.isClusterNetwork(unlucky) ? UNLUCKY_WAIT_MS : undefined;
  if (!isPassing(message, context)) return undefined;
  return Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
}

function isPassing(message: string, { isClusterNetwork, hasFixedAddress }: AttachContext): boolean {
  if (PASSING.some((pattern) => pattern.test(message))) return true;
  if (STALE_ADDRESS.test(message)) return !hasFixedAddress;
  const named = FULL_BOOKS.exec(message)?.[1] ?? UNHEARD.exec(message)?.[1];
  return named !== undefined && isClusterNetwork(named);
}
