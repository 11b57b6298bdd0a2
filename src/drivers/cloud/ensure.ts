import type { DriverContext } from '../driver.ts';
import type { Made, ResourcePlan } from '../journal.ts';

/** Detail of a journal's entry: when it was made, in milliseconds since the epoch. */
export const MADE_AT = 'madeAt';

/**
 * `journal.ensure` for providers that say no: when `isRefusal` tells that the provider has surely made nothing (a request it
 * declined, not a connection that broke), the intention is forgotten, so that it is not looked for later.
 */
export async function ensureMade(
  { journal, clock }: DriverContext<unknown>,
  kind: string,
  plan: ResourcePlan,
  isRefusal: (error: unknown) => boolean,
): Promise<Made> {
  const make = async (token: string): Promise<Made> => {
    const made = await plan.make(token);
    return { ...made, details: { ...made.details, [MADE_AT]: clock.now() } };
  };
  try {
    return await journal.ensure(kind, { ...plan, make });
  } catch (error) {
    const intention = journal.find(kind);
    if (intention !== undefined && intention.id === undefined && isRefusal(error)) await journal.forget(intention);
    throw error;
  }
}
