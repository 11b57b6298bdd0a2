import type { MovePolicy } from '../desired/move-terms.ts';
import type { ContainerRecord } from '../desired/record.ts';

/** Why a container does not move by itself. */
export interface Hindrance {
  /** In words. */
  readonly why: string;
  /** It is to be brought back, and waits for its node: a person should know. Else it stays where it is, as its client wanted. */
  readonly waits: boolean;
  /** It is not to run at all. */
  readonly isIdle?: true;
}

/**
 * Why a container whose node is lost does not move by itself; undefined when it may.
 *
 * @param standard the cluster's policy, for containers that say nothing
 */
export function hindranceOf(record: ContainerRecord, standard: MovePolicy): Hindrance | undefined {
  const { wanted, ended, terms, dataLostMs } = record;
  if (dataLostMs !== undefined) return afterDataLoss(record, standard);
  if (wanted === 'created' || wanted === 'stopped')
    return { why: 'it is not meant to run', waits: false, isIdle: true };
  if (ended) return { why: `it has finished with exit code ${ended.exitCode}`, waits: false, isIdle: true };
  const why = policyAgainst(terms, standard);
  if (why !== undefined) return { why, waits: false };
  const { boundBy, discardsData } = terms;
  if (boundBy === undefined || discardsData) return undefined;
  return { why: `it is bound to its node by ${boundBy}`, waits: true };
}

/** It is nowhere: what is not meant to run is made anew all the same, so that clients find it. */
function afterDataLoss({ wanted, terms }: ContainerRecord, standard: MovePolicy): Hindrance | undefined {
  const { boundBy, discardsData } = terms;
  if (boundBy !== undefined && !discardsData)
    return { why: `it went with the data of its node, and would begin without ${boundBy}`, waits: true };
  if (wanted === 'created' || wanted === 'stopped') return undefined;
  const why = policyAgainst(terms, standard);
  return why === undefined ? undefined : { why: `it went with the data of its node, and ${why}`, waits: true };
}

function policyAgainst(terms: ContainerRecord['terms'], standard: MovePolicy): string | undefined {
  const { isTransient, policy = standard, restart, isOfService } = terms;
  if (isTransient) return 'it is a one-off container, which is never made a second time';
  if (policy === 'off') return terms.policy ? 'its rescheduling policy is off' : 'rescheduling is off';
  if (policy === 'auto' && restart === 'no' && !isOfService)
    return 'its restart policy is no and its rescheduling policy does not say on-node-failure';
  return undefined;
}
