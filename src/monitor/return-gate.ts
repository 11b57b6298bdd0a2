import type { Node } from '../cluster/node.ts';

/**
 * Who has a word before an engine counts as healthy. Both calls are made for every connection, in this order; a rejection has the node
 * tried again later instead, with the reason shown as its state.
 */
export interface ReturnGate {
  /** The engine answers and is known; nothing of it was listed yet. */
  reached(node: Node, signal: AbortSignal): Promise<void>;
  /** Everything it holds is listed, and whole. */
  listed(node: Node, signal: AbortSignal): Promise<void>;
}

/** Several gates as one. */
export function gatesInTurn(gates: readonly ReturnGate[]): ReturnGate {
  return {
    reached: async (node, signal) => {
      for (const gate of gates) await gate.reached(node, signal);
    },
    listed: async (node, signal) => {
      for (const gate of gates) await gate.listed(node, signal);
    },
  };
}
