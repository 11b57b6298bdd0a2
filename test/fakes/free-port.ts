import { freePort as freePortAt } from '../free-ports.ts';

/** A port that nothing has at any address of this host, and that nothing is given by chance. */
export function freePort(): Promise<number> {
  return freePortAt('0.0.0.0');
}
