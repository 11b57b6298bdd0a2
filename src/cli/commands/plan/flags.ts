import { UsageError } from '../../../common/errors.ts';

/** What `--headroom` says. */
export interface Headroom {
  /** 0 to 0.9. */
  readonly share?: number;
  readonly nodes?: number;
}

/** `--headroom 10%`, `--headroom 1`. Throws a {@link UsageError} for anything else. */
export function headroomFlag(text: string): Headroom {
  const percent = /^(\d{1,2}(?:\.\d+)?)%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) <= 90) return { share: Number(percent) / 100 };
  if (/^\d{1,2}$/.test(text)) return { nodes: Number(text) };
  throw new UsageError(`--headroom should be a share like 10% (up to 90%), or a number of nodes like 1, not "${text}"`);
}

/** `--min-domains provider=2`; may be repeated. Throws a {@link UsageError} for anything else, and when two contradict each other. */
export function minDomainsFlag(
  text: string,
  earlier: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  const [, label = '', least = ''] = /^([\w.\-/]+)=([1-9]\d{0,2})$/.exec(text) ?? [];
  if (label === '')
    throw new UsageError(`--min-domains should be a label and a number, like provider=2, not "${text}"`);
  const known = earlier[label];
  if (known !== undefined && known !== Number(least))
    throw new UsageError(`--min-domains says ${label}=${known} and ${label}=${least}: give one of them`);
  return { ...earlier, [label]: Number(least) };
}

/** `--min-saving 5`, `--min-saving 10%`. Throws a {@link UsageError} for anything else. */
export function minSavingFlag(text: string): { readonly amount: number } | { readonly share: number } {
  const [, amount = '', percent] = /^(\d{1,9}(?:\.\d+)?)(%)?$/.exec(text) ?? [];
  if (amount === '' || (percent && Number(amount) > 100))
    throw new UsageError(
      `--min-saving should be an amount a month like 5, or a share of the bill like 10%, not "${text}"`,
    );
  return percent ? { share: Number(amount) / 100 } : { amount: Number(amount) };
}
