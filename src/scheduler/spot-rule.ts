import { BadRequestError } from '../common/errors.ts';
import { textOf } from './json.ts';

/** Label of a container: whether it may be on machines that their provider may take back. */
export const SPOT_RULE_LABEL = 'io.enxame.spot';

/** Label of a node that its provider may take back at any time. */
export const SPOT_NODE_LABEL = 'spot';

/** The part of a container's group, 0 to 1, that may be on such nodes. */
export interface SpotRule {
  /** As written. */
  readonly text: string;
  readonly share: number;
}

/** What the label says: `never`, `allow`, or `share:50%` of the replicas of a service. Undefined without it. Throws 400 for anything else. */
export function spotRuleOf(labels: Readonly<Record<string, unknown>>): SpotRule | undefined {
  if (labels[SPOT_RULE_LABEL] === undefined) return undefined;
  const text = textOf(labels[SPOT_RULE_LABEL]);
  if (text === 'never') return { text, share: 0 };
  if (text === 'allow') return { text, share: 1 };
  const percent = /^share:(\d{1,3})%$/.exec(text)?.[1];
  if (percent === undefined || Number(percent) > 100)
    throw new BadRequestError(
      `label ${SPOT_RULE_LABEL}=${JSON.stringify(text)}: write never, allow, or share:50%`,
      'BAD_SPOT_RULE',
    );
  return { text, share: Number(percent) / 100 };
}

export function isSpot({ labels }: { readonly labels: ReadonlyMap<string, string> }): boolean {
  return labels.get(SPOT_NODE_LABEL) === 'true';
}
