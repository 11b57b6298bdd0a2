import { REGROUP_LABEL } from '../cluster/listed-container.ts';
import { BadRequestError } from '../common/errors.ts';
import {
  ASKED_MODE_LABEL,
  ATTEMPT_LABEL,
  CLUSTER_SOCKET_LABEL,
  PROXY_PROTOCOL_LABEL,
  PROXY_PROTOCOLS,
  PUBLISH_AT_LABEL,
  PUBLISH_PLACES,
} from '../common/labels.ts';
import { nearest } from '../common/nearest.ts';
import { clip } from '../scheduler/expression.ts';
import { GROUP_LABEL } from '../scheduler/groups.ts';
import { SPOT_RULE_LABEL } from '../scheduler/spot-rule.ts';
import type { MoveTerms } from './move-terms.ts';

/** Whether it must never run twice. */
export const FENCE_LABEL = 'io.enxame.fence';

/** The labels by which users say how a container may move and where its ports are published, with the values they have. */
const WORDS = {
  'io.enxame.data': ['discard', 'keep'],
  [FENCE_LABEL]: ['strict', 'off'],
  'io.enxame.move': ['stop-first', 'start-first'],
  'io.enxame.return': ['keep-new', 'keep-old'],
  [PUBLISH_AT_LABEL]: PUBLISH_PLACES,
  [PROXY_PROTOCOL_LABEL]: PROXY_PROTOCOLS,
  [CLUSTER_SOCKET_LABEL]: ['true', 'false'],
} as const;

const PREFIX = 'io.enxame.';
const PRIORITY_LABEL = 'io.enxame.priority';
/** Longer than any of ours with a slip in it. */
const MAX_LABEL = 40;
/** A warning is for people: more than these are not read. */
const MAX_WARNINGS = 8;
const MAX_PRIORITY = 1_000_000;
const KNOWN: readonly string[] = [...Object.keys(WORDS), PRIORITY_LABEL, GROUP_LABEL, SPOT_RULE_LABEL];

export type TermLabels = Pick<MoveTerms, 'discardsData' | 'isStrict' | 'stopsFirst' | 'keepsOld' | 'priority'>;

type Labels = Readonly<Record<string, string>>;

/** What the labels say; one that is absent or empty says nothing. Throws 400 for another value than they have. */
export function readTermLabels(labels: Labels): TermLabels {
  // Read where ports are published; here, because a create with another value is refused.
  wordOf(labels, PUBLISH_AT_LABEL);
  wordOf(labels, PROXY_PROTOCOL_LABEL);
  wordOf(labels, CLUSTER_SOCKET_LABEL);
  return {
    ...(wordOf(labels, 'io.enxame.data') === 'discard' && { discardsData: true }),
    ...(wordOf(labels, FENCE_LABEL) === 'strict' && { isStrict: true }),
    ...(wordOf(labels, 'io.enxame.move') === 'stop-first' && { stopsFirst: true }),
    ...(wordOf(labels, 'io.enxame.return') === 'keep-old' && { keepsOld: true }),
    priority: priorityOf(labels),
  };
}

/** Warnings for labels that begin like ours and are none. */
export function mistypedTermLabels(labels: Labels): readonly string[] {
  const isStrange = (label: string): boolean =>
    label.startsWith(PREFIX) && !KNOWN.includes(label) && !isFromAbove(label);
  const strange = Object.keys(labels).filter(isStrange);
  return strange.slice(0, MAX_WARNINGS).map((label) => {
    const meant = label.length > MAX_LABEL ? undefined : nearest(label, KNOWN);
    return `label '${clip(label)}' means nothing to the manager${meant === undefined ? '' : `: did you mean ${meant}?`}`;
  });
}

/** Clusters that have this one as a node mark what they make here. */
function isFromAbove(label: string): boolean {
  return label.startsWith(`${ATTEMPT_LABEL}.`) || label === ASKED_MODE_LABEL || label === REGROUP_LABEL;
}

function wordOf<L extends keyof typeof WORDS>(labels: Labels, label: L): (typeof WORDS)[L][number] | undefined {
  const value = labels[label];
  if (value === undefined || value === '') return undefined;
  const word = WORDS[label].find((each) => each === value);
  if (word === undefined)
    throw new BadRequestError(
      `Label ${label} is '${clip(String(value))}': use ${WORDS[label].join(' or ')}`,
      'BAD_LABEL',
    );
  return word;
}

function priorityOf(labels: Labels): number {
  const value = labels[PRIORITY_LABEL];
  if (value === undefined || value === '') return 0;
  const priority = /^-?\d{1,7}$/.test(value) ? Number(value) : Number.NaN;
  if (!(Math.abs(priority) <= MAX_PRIORITY))
    throw new BadRequestError(
      `Label ${PRIORITY_LABEL} is '${clip(String(value))}': use a whole number from -${MAX_PRIORITY} to ${MAX_PRIORITY}; higher ones move first, 0 is the default`,
      'BAD_LABEL',
    );
  return priority;
}
