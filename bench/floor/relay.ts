import { systemClock } from '../../src/common/clock.ts';
import { Connections } from '../../src/relay/connections.ts';
import { TcpRelay } from '../../src/relay/tcp-relay.ts';
import { serveParent } from '../process/child.ts';

/** Commands of the process that relays one port as a manager does that publishes at the endpoint. */
export type RelayCommand = {
  readonly kind: 'listen';
  /** `host:port` of the only container. */
  readonly upstream: string;
};

function listen({ upstream }: RelayCommand): Promise<number> {
  const colon = upstream.lastIndexOf(':');
  const target = {
    id: 'container',
    nodeId: 'node',
    host: upstream.slice(0, colon),
    port: Number(upstream.slice(colon + 1)),
    proxyProtocol: undefined,
  };
  const targets = {
    next: (tried: ReadonlySet<string>) => (tried.has(target.id) ? undefined : target),
    has: () => true,
    mayCome: () => false,
  };
  const connections = new Connections({ total: 1_024, perPort: 1_024 });
  return new TcpRelay({ targets, connections, clock: systemClock }).listen('127.0.0.1', 0);
}

serveParent<RelayCommand>(listen);
