import type { EngineEvent } from '../engine/types.ts';
import type { Container } from './container.ts';
import type { Node, NodeState } from './node.ts';

/**
 * Changes of the model, emitted after the model has them, synchronously and in order. An
 * engine's own message may come before or after the change it is about: to follow containers, follow the `container-…` events.
 */
export type ClusterEvent =
  | NodeEvent
  | ContainerEvent
  | HoldingsEvent
  /** An engine's own message; `text` is what it wrote (64-bit times survive only there). */
  | { readonly kind: 'engine-event'; readonly node: Node; readonly event: EngineEvent; readonly text: string };

type NodeEvent =
  /** `node-settings`: an operator said something else of it. */
  | { readonly kind: 'node-added' | 'node-removed' | 'node-settings'; readonly node: Node }
  | {
      readonly kind: 'node-state';
      readonly node: Node;
      readonly from: NodeState;
      readonly to: NodeState;
      readonly reason: string;
    };

/**
 * A container came, was listed with another content, or went. `before` and `after` are different objects, and each is as it was shown then;
 * ages alone are no change, and neither is the state of the node (`node-state`). A container that changes its identity is told as changed, and so is
 * one that was moved.
 * Those of a node that leaves the cluster are removed, too, between `holdings-leaving` and `node-removed`.
 */
export type ContainerEvent =
  | { readonly kind: 'container-added'; readonly node: Node; readonly after: Container }
  | {
      readonly kind: 'container-changed';
      /** That of `after`. */
      readonly node: Node;
      readonly before: Container;
      readonly after: Container;
      /** The reason of the move, when another copy took the container's place: the nodes and engine IDs differ then. */
      readonly why?: string;
    }
  | { readonly kind: 'container-removed'; readonly node: Node; readonly before: Container }
  /** What is known of it beside its listing changed: what it reserves, or why it waits. */
  | { readonly kind: 'container-noted'; readonly node: Node; readonly container: Container };

type HoldingsEvent =
  /** A node lists other networks, or volumes, than before. */
  | { readonly kind: 'networks-changed' | 'volumes-changed'; readonly node: Node }
  /** What a node holds is about to leave the model although the engine may go on holding it. */
  | { readonly kind: 'holdings-leaving'; readonly node: Node };
