import { ClusterError } from '../common/errors.ts';

/** The prices of a provider could not be had: which provider and why, on one line. */
export class PriceListError extends ClusterError {
  /** @param provider as people call it */
  constructor(provider: string, problem: string, code: string = 'PRICE_LIST', cause?: unknown) {
    super(`${provider}: ${problem}`, { code, status: 502, cause });
  }
}
