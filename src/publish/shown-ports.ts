import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import type { Logger } from '../common/logger.ts';
import type { Notice } from '../notify/notice.ts';
import type { Claim } from './claim.ts';

export interface ShownPortsDeps {
  readonly cluster: Cluster;
  /** Tells operators, and clients of `docker events`. */
  readonly tell: (notice: Notice) => void;
  readonly logger: Logger;
}

/** What clients are told of the ports of containers: in listings, events and the log. */
export class ShownPorts {
  readonly #deps: ShownPortsDeps;
  readonly #ip: string;

  /** @param ip the endpoint's address, as clients see it */
  constructor(deps: ShownPortsDeps, ip: string) {
    this.#deps = deps;
    this.#ip = ip;
  }

  /** Listings show where a copy's ports are now, and which are not. */
  show(copy: Container, claims: Iterable<Claim>): void {
    const all = [...claims];
    const open = all.flatMap(({ at, shared }) =>
      shared?.port === undefined ? [] : [[at.listedKey, { ip: this.#ip, port: shared.port }] as const],
    );
    const problems = all.flatMap(({ problem, problemElsewhere }) => [problem ?? [], problemElsewhere ?? []].flat());
    const problem = problems.length === 0 ? undefined : problems.join(', ');
    this.#set(copy, { open: new Map(open), problem });
  }

  /** Listings show what the copy's engine says. */
  hide(copy: Container): void {
    this.#set(copy, undefined);
  }

  /** A port of a container is not where it is to be. */
  tell({ name, id, node }: Container, problem: string): void {
    this.#deps.logger.warn({ container: name, node: node.name, reason: problem }, 'a port is not where it is to be');
    const text = `${name}: port ${problem}`;
    this.#deps.tell({ event: 'port-unavailable', text, node: node.name, container: { id, name }, why: problem });
  }

  #set({ node, engineId }: Container, ports: ReturnType<Node['endpointPorts']>): void {
    const shown = node.endpointPorts(engineId);
    if (textOf(shown) !== textOf(ports)) this.#deps.cluster.setEndpointPorts(node, engineId, ports);
  }
}

function textOf(ports: ReturnType<Node['endpointPorts']>): string {
  if (!ports) return '';
  return JSON.stringify([[...ports.open], ports.problem ?? null]);
}
