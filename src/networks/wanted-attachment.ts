import type { Node } from '../cluster/node.ts';
import type { KnownNetwork } from './known-network.ts';

/** A container that is to be attached to cluster networks, all at once. */
export interface WantedAttachment {
  readonly node: Node;
  readonly engineId: string;
  /** The ID by which clients know it: a successor has that of the copy on the lost node. */
  readonly id: string;
  readonly endpoints: readonly WantedEndpoint[];
}

/** One cluster network, with the address the client chose in it, if any. */
export interface WantedEndpoint {
  readonly network: KnownNetwork<Node>;
  readonly address: string | undefined;
}
