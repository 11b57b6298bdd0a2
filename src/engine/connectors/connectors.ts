import type { Entry } from '../../discovery/entry.ts';
import { DialledAgents } from '../dialled/dialled-agents.ts';
import type { Connector } from './connector.ts';
import { type EngineTls, tcpConnector, tlsConnector, unixConnector } from './socket.ts';

/** How entries are reached; what each scheme needs. */
export interface ConnectorOptions {
  /** Client certificates for engines; without them a bare `host:port` is plain TCP. */
  readonly tls?: EngineTls | undefined;
  /** Agents that dialled in; without them their engines are reached by nobody. */
  readonly agents?: DialledAgents | undefined;
}

/** The connector for a discovery entry. Loads SSH only when an entry needs it. */
export async function connectorFor(entry: Entry, options: ConnectorOptions): Promise<Connector> {
  switch (entry.scheme) {
    case 'unix':
      return unixConnector(entry.path);
    case 'tcp':
      return tcpConnector(entry.host, entry.port, entry.lookup);
    case 'tls':
      return tlsConnector(entry.host, entry.port, options.tls ?? { verify: true }, entry.lookup);
    case 'auto':
      return options.tls
        ? tlsConnector(entry.host, entry.port, options.tls, entry.lookup)
        : tcpConnector(entry.host, entry.port, entry.lookup);
    case 'agent':
      return (options.agents ?? new DialledAgents(Date.now)).connectorFor(entry.host);
    case 'ssh': {
      const { sshConnector } = await import('./ssh.ts');
      return sshConnector(entry);
    }
  }
}
