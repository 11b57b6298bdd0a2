import type { Duplex } from 'node:stream';
import { systemClock } from '../common/clock.ts';
import { FairBeginnings } from '../common/fair-beginnings.ts';
import { MOST_BEGUN, MOST_BEGUN_PER_PORT } from '../engine/dialled/datagrams.ts';
import { Connections } from '../relay/connections.ts';
import type { Client, Target, Targets } from '../relay/target.ts';
import { UdpRelay } from '../relay/udp-relay.ts';

/** UDP flows that begin at this host: a stream of the manager each, which a flood of datagrams from ever other ports would ask for. */
const FLOWS_PER_SECOND = 512;

/** Begins a flow at a manager: datagrams go over the stream. Rejects when nobody takes it in time. */
export type BeginFlow = (client: Client, timeoutMs: number) => Promise<Duplex>;

/** The UDP ports that are open at this host. A client's datagrams go over a stream of the manager, as those of the endpoint go over one of an agent. */
export class UdpPorts {
  readonly #connections = new Connections({ total: MOST_BEGUN, perPort: MOST_BEGUN_PER_PORT });
  readonly #beginnings = new FairBeginnings(FLOWS_PER_SECOND, () => performance.now());

  /** Opens a port; the returned function closes it, and ends its flows. Rejects as the system says. */
  async open(host: string, port: number, begin: BeginFlow): Promise<() => void> {
    const targets = new AtManager(async (timeoutMs, client) => {
      if (!client || !this.#beginnings.admits(String(port), client.address)) throw new Error('too many UDP flows');
      return begin(client, timeoutMs);
    });
    const relay = new UdpRelay({ targets, connections: this.#connections, clock: systemClock });
    await relay.listen(host, port);
    return () => relay.close();
  }
}

/** It is the manager that knows the containers: where a flow leads is its business, and it ends those whose container leaves. */
class AtManager implements Targets {
  readonly #target: Target;

  constructor(connect: Target['connect']) {
    this.#target = { id: '', nodeId: '', host: '', port: 0, proxyProtocol: undefined, connect };
  }

  next(): Target {
    return this.#target;
  }

  has(): boolean {
    return true;
  }

  mayCome(): boolean {
    return false;
  }
}
