/** What is noted of containers, for a start of the manager while their node is down. */
export interface ContainerMemory {
  /** Notes at once what the model shows by now: before a client is told of a change that no record tells of. Never rejects. */
  flush(): Promise<void>;
  /** A container is gone from a node: what was noted of it is, too, when it resolves. Rejects when that cannot be written. */
  forgetContainer(nodeId: string, engineId: string): Promise<void>;
}
