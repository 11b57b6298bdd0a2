import type { Duplex } from 'node:stream';
import { ClusterError, clipped } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { endUpgrade } from '../web/end-upgrade.ts';
import { SECURITY_HEADERS } from './gate.ts';
import type { PageError } from './protocol.ts';

/** Answers a request to leave HTTP that is not let in, as any other call is answered. */
export function refuseUpgrade(socket: Duplex, error: unknown, logger: Logger): void {
  if (!(error instanceof ClusterError)) logger.error({ err: error }, 'a request of a page to leave HTTP failed');
  const { status, code, message } =
    error instanceof ClusterError ? error : { status: 500, code: 'INTERNAL', message: 'it failed: see the log' };
  const body: PageError = { message: clipped(message), code };
  endUpgrade(socket, status, 'application/json', JSON.stringify(body), SECURITY_HEADERS);
}
