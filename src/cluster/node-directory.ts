import pLimit from 'p-limit';
import { BadRequestError, ConflictError, NotFoundError } from '../common/errors.ts';
import type { EngineInfo } from '../engine/types.ts';
import type { Cluster } from './cluster.ts';
import type { Node } from './node.ts';
import type { NodeMemory } from './node-memory.ts';
import { FIRST_VERSION, type NodeChoices, type NodeSetting, type NodeSettings } from './node-settings.ts';

/** A node as an operator knows it: in the cluster, or gone with something on it or something said of it. */
export interface KnownNode {
  readonly id: string;
  readonly name: string;
  /** Undefined when all that is kept of it is what an operator said. */
  readonly entry: string | undefined;
  /** Undefined until its engine was reached for the first time. */
  readonly info: EngineInfo | undefined;
  /** Undefined when it left. */
  readonly node: Node | undefined;
  /** Why it is not usable; empty when it is. */
  readonly reason: string;
  readonly setting: NodeSetting | undefined;
  /** When its engine was reached for the first time, RFC 3339; undefined when that is not known. */
  readonly seenAt: string | undefined;
}

export interface NodeDirectoryDeps {
  readonly cluster: Cluster;
  readonly settings: NodeSettings;
  /** Undefined when nothing is kept. */
  readonly memory: NodeMemory | undefined;
}

/** The nodes of the cluster and those that left, and what operators may say of them. */
export class NodeDirectory {
  readonly #deps: NodeDirectoryDeps;
  /** One after the other: what is asked of the others' availability holds until the change counts. */
  readonly #changes = pLimit(1);

  constructor(deps: NodeDirectoryDeps) {
    this.#deps = deps;
  }

  /** Those of the cluster in the order of discovery, then those that left. */
  list(): readonly KnownNode[] {
    const { cluster } = this.#deps;
    return [...cluster.nodes.map((node) => this.#present(node)), ...this.#left()];
  }

  /**
   * A node by ID, name, address, or prefix of its ID, in this order. Throws 404 when there is none and 400 when there are several,
   * in swarmkit's words.
   */
  find(reference: string): KnownNode {
    const present = this.#deps.cluster.nodesNamed(reference);
    const exact = present.length === 1 ? present[0] : undefined;
    if (exact) return this.#present(exact);
    const slash = reference.indexOf('/');
    const [site] = slash > 0 ? this.#deps.cluster.nodesNamed(reference.slice(0, slash)) : [];
    if (site?.isSite)
      throw new ConflictError(
        `${reference.slice(slash + 1)} is a node of site ${site.name}, whose own manager answers for it: ask that one at ${site.entry}`,
        'NODE_OF_SITE',
      );
    const all = this.list();
    const ways: readonly ((node: KnownNode) => boolean)[] = [
      ({ id }) => id === reference,
      ({ name }) => name === reference,
      ({ entry }) => entry === reference || entry === `tcp://${reference}`,
      ({ id }) => reference !== '' && id.startsWith(reference),
    ];
    for (const isMeant of ways) {
      const found = all.filter(isMeant);
      if (found.length > 1)
        throw new BadRequestError(
          `node ${reference} is ambiguous (${found.length} matches found): give the ID`,
          'AMBIGUOUS_NODE',
        );
      if (found[0]) return found[0];
    }
    throw new NotFoundError(`node ${reference} not found`, 'NO_SUCH_NODE');
  }

  /**
   * Changes the settings of a node if they are still those of `version`; see {@link NodeSettings.change}. Throws 409 for a drain that would
   * move nothing because no other node is active and healthy.
   */
  update(reference: string, version: number, choices: NodeChoices): Promise<void> {
    return this.#changes(() => this.#update(reference, version, choices));
  }

  async #update(reference: string, version: number, choices: NodeChoices): Promise<void> {
    const { id, name, info } = this.find(reference);
    if (!info)
      throw new ConflictError(
        `node ${name} has not been reached yet, and its engine is unknown: try again once it is healthy`,
        'NODE_UNKNOWN',
      );
    if (choices.availability === 'drain') this.assertDrainable([this.find(id)]);
    await this.#deps.settings.change(id, name, version, choices);
  }

  /** Throws 409 when nothing on these nodes could move: no other node is active and healthy. Nodes that hold nothing may always be drained. */
  assertDrainable(nodes: readonly KnownNode[]): void {
    const ids = new Set(nodes.map(({ id }) => id));
    const { cluster } = this.#deps;
    const loaded = nodes.find(({ node }) => node && [...node.containers.values()].some(({ isOfSwarm }) => !isOfSwarm));
    const others = cluster.nodes.filter(({ id, availability }) => availability === 'active' && !ids.has(id));
    if (!loaded || others.some(({ isHealthy }) => isHealthy)) return;
    const names = nodes.map(({ name }) => name).join(', ');
    const [what, remedy] =
      others.length === 0 ? ['active', 'make another one active'] : ['active and healthy', 'bring one back'];
    throw new ConflictError(
      `${names} cannot be drained: no other node is ${what}, so nothing would move: ${remedy} first, or use pause`,
      'NO_ACTIVE_NODE',
    );
  }

  /**
   * Lets go of a node that left, by ID, name or address: its containers, the homes of its volumes, its labels. Throws 404 for an unknown
   * one and 409 for one that is in the cluster. Nothing is deleted on its engine.
   */
  async forget(reference: string): Promise<void> {
    const { settings, memory } = this.#deps;
    const { id, name, entry, node } = this.find(reference);
    if (node)
      throw new ConflictError(
        `node ${name} is in the cluster: take ${entry} out of discovery first, and it can be removed`,
        'NODE_IN_USE',
      );
    // What is said of it goes last: it is what the node is found by when the rest fails.
    if (entry !== undefined) await memory?.forget(id);
    await settings.forget(id);
  }

  #present(node: Node): KnownNode {
    const { settings, memory } = this.#deps;
    const { id, name, entry, info, reason } = node;
    return { id, name, entry, info, node, reason, setting: settings.of(id), seenAt: memory?.seen.seenAt(id) };
  }

  #left(): readonly KnownNode[] {
    const { cluster, settings, memory } = this.#deps;
    const left = new Map<string, KnownNode>();
    for (const { record } of memory?.absentNodes() ?? []) {
      const { id, entry, info, seenAt } = record;
      const reason = record.left?.why ?? 'it left discovery';
      left.set(id, { id, name: info.Name, entry, info, node: undefined, reason, setting: settings.of(id), seenAt });
    }
    for (const id of settings.nodeIds()) {
      const setting = settings.of(id);
      if (!setting || left.has(id) || cluster.node(id)?.id === id) continue;
      const base = { id, name: setting.name, entry: undefined, info: undefined, node: undefined };
      left.set(id, { ...base, reason: 'it is not in discovery', setting, seenAt: undefined });
    }
    return [...left.values()];
  }
}

/** The version that an update of a node must name. */
export function versionOf({ setting }: KnownNode): number {
  return setting?.version ?? FIRST_VERSION;
}
