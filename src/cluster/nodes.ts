import { MultiMap } from '../common/multi-map.ts';
import type { EngineInfo } from '../engine/types.ts';
import { DomainTable } from '../scheduler/domain-table.ts';
import { LoadTable } from '../scheduler/load-table.ts';
import type { Node } from './node.ts';
import type { NodeChoices } from './node-settings.ts';

/** The nodes of the cluster by ID and name, in the order of discovery, each with a row in the tables of loads and of domains. */
export class Nodes {
  readonly loads: LoadTable = new LoadTable();
  readonly domains: DomainTable;
  #all: readonly Node[] = [];
  readonly #byId = new Map<string, Node>();
  readonly #byName = new MultiMap<string, Node>();
  readonly #choicesFor: (nodeId: string) => NodeChoices | undefined;

  /**
   * @param choicesFor tells what an operator said of a node
   * @param spreadBy labels that name failure domains, see `DomainTable`
   */
  constructor(choicesFor: (nodeId: string) => NodeChoices | undefined, spreadBy: readonly string[]) {
    this.#choicesFor = choicesFor;
    this.domains = new DomainTable(spreadBy);
  }

  /** A new array after every change. */
  get all(): readonly Node[] {
    return this.#all;
  }

  /** The node that has an ID at present. */
  holderOf(id: string): Node | undefined {
    return this.#byId.get(id);
  }

  /** Nodes whose engine says this host name: several only by mistake. */
  named(name: string): readonly Node[] {
    return this.#byName.get(name);
  }

  /** A node by engine ID or name; a name that two nodes have means the first. */
  find(idOrName: string): Node | undefined {
    const byId = this.#byId.get(idOrName);
    if (byId) return byId;
    const [only, ...others] = this.named(idOrName);
    return others.length === 0 ? only : this.#all.find((node) => node.name === idOrName);
  }

  /** `known` is what is remembered of its engine. */
  add(node: Node, known?: { readonly id: string; readonly info: EngineInfo }): void {
    if (known && !this.#byId.has(known.id)) {
      node.setInfo(known.info, known.id, 0, this.#choicesFor(known.id));
      this.#byId.set(known.id, node);
      this.#byName.add(node.name, node);
    }
    node.place({ loads: this.loads, domains: this.domains, row: this.#all.length });
    this.#all = [...this.#all, node];
  }

  remove(node: Node): void {
    this.release(node);
    this.#byName.remove(node.name, node);
    node.place(undefined);
    this.#all = this.#all.filter((each) => each !== node);
    const { domains, loads } = this;
    loads.truncate(this.#all.length);
    domains.truncate(this.#all.length);
    for (const [row, each] of this.#all.entries()) each.place({ loads, domains, row });
  }

  /** Takes its ID from a node, unless the engine has moved to another entry and has taken it along. */
  release(node: Node): void {
    if (this.#byId.get(node.id) === node) this.#byId.delete(node.id);
  }

  /** What an operator says of a node has changed. */
  choose(nodeId: string): void {
    this.#byId.get(nodeId)?.setChoices(this.#choicesFor(nodeId));
  }

  /** Takes an engine's facts, under an ID that no other node may keep. */
  setInfo(node: Node, info: EngineInfo, id: string, clockOffsetMs: number): void {
    this.#byId.set(id, node);
    this.#byName.remove(node.name, node);
    this.#byName.add(info.Name, node);
    node.setInfo(info, id, clockOffsetMs, this.#choicesFor(id));
  }
}
