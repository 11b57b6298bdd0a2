import { spotRuleOf } from '../scheduler/spot-rule.ts';

/**
 * What share of its group a container's label lets be on nodes that can be taken back; undefined when it says nothing, or nothing that can be
 * read: such a container was not created here.
 */
export function spotShareOf(labels: Readonly<Record<string, string>>): number | undefined {
  try {
    return spotRuleOf(labels)?.share;
  } catch {
    return undefined;
  }
}
