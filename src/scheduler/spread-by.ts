import { UsageError } from '../common/errors.ts';

/** Labels of nodes that name failure domains, the widest first. */
export const DEFAULT_SPREAD_BY: readonly string[] = ['provider', 'region', 'zone'];

/** Every placement of a replica compares nodes by each of them. */
const MAX_LABELS = 8;

/** `region,zone`: labels of nodes, the widest domain first. `none` = no spreading, an empty list. Throws {@link UsageError}. */
export function parseSpreadBy(text: string): readonly string[] {
  const labels = text.split(',').map((label) => label.trim());
  if (labels.length === 1 && labels[0] === 'none') return [];
  const wrong = problemOf(labels);
  if (wrong !== undefined)
    throw new UsageError(
      `--spread-by: ${wrong}: name labels of nodes, the widest domain first (provider,region,zone), or none`,
    );
  return labels;
}

function problemOf(labels: readonly string[]): string | undefined {
  if (labels.includes('')) return 'a label is empty';
  if (labels.includes('none')) return '"none" stands alone';
  if (labels.length > MAX_LABELS) return `${labels.length} labels are more than ${MAX_LABELS}`;
  const strange = labels.find((label) => !/^[\w.\-/]{1,128}$/.test(label));
  if (strange !== undefined) return `${JSON.stringify(strange.slice(0, 40))} is no name of a label`;
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  return twice === undefined ? undefined : `"${twice}" stands there twice`;
}
