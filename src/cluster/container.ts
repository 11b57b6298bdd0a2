import { ListedContainer } from './listed-container.ts';
import type { Node } from './node.ts';

/** A container of a node of the cluster. */
export type Container = ListedContainer<Node>;
export const Container: typeof ListedContainer<Node> = ListedContainer;
