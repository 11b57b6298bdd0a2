/** What a person points at, or has chosen. */
export type Pick = { readonly kind: 'container'; readonly id: string } | { readonly kind: 'node'; readonly n: number };
