import type {
  ContainerSummary,
  EngineEvent,
  EngineInfo,
  ImageSummary,
  NetworkSummary,
  VolumeSummary,
} from '../engine/types.ts';
import type { Node, NodeState } from './node.ts';

/** What a node's monitor writes into the model. */
export interface NodeWriter {
  setState(node: Node, to: NodeState, reason: string): void;
  /**
   * Takes an engine's facts. Throws when the same engine is already in the cluster under another entry; one that moved to
   * another address is taken over. An engine that changed its ID is a new one: what the old held is forgotten.
   *
   * @param askedMs when the engine was asked, by the manager's clock
   */
  setInfo(node: Node, info: EngineInfo, askedMs: number): void;
  /** A listing said what is known already. */
  confirmContainers(node: Node): void;
  /** Sets all containers of a node. */
  replaceContainers(node: Node, summaries: readonly ContainerSummary[]): void;
  /** Sets the listed ones among `engineIds`; those not listed are gone. */
  updateContainers(node: Node, engineIds: readonly string[], summaries: readonly ContainerSummary[]): void;
  removeContainer(node: Node, engineId: string): void;
  replaceImages(node: Node, summaries: readonly ImageSummary[]): void;
  replaceNetworks(node: Node, summaries: readonly NetworkSummary[]): void;
  replaceVolumes(node: Node, summaries: readonly VolumeSummary[]): void;
  /** A container's reservation must be read again (`docker update`). */
  forgetReservation(node: Node, engineId: string): void;
  /** Everything is being listed: reservations that could not be read before may be readable now. */
  learnAgain(node: Node): void;
  /** Hands an engine's message on. @param id by which clients know the container of the event, if it is one's */
  emitEngineEvent(node: Node, event: EngineEvent, text: string, id?: string): void;
}
