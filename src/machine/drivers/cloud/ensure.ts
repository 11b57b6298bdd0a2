import type { Made, ResourceJournal, ResourcePlan } from '../../journal.ts';

/**
 * {@link ResourceJournal.ensure} for providers that say no: when `isRefusal` tells that the provider has surely made nothing (a
 * request it declined, not a connection that broke), the intention is forgotten, so that nobody looks for it later.
 */
export async function ensureMade(
  journal: ResourceJournal,
  kind: string,
  plan: ResourcePlan,
  isRefusal: (error: unknown) => boolean,
): Promise<Made> {
  try {
    return await journal.ensure(kind, plan);
  } catch (error) {
    const intention = journal.find(kind);
    if (intention !== undefined && intention.id === undefined && isRefusal(error)) await journal.forget(intention);
    throw error;
  }
}
