import type { SshEntry } from '../../discovery/entry.ts';
import type { Connector } from './connector.ts';

export function sshConnector(entry: SshEntry): Promise<Connector> {
  throw new Error(`not here yet: ${entry.canonical}`);
}
