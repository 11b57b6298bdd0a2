import type { ComponentChildren } from 'preact';

/** The title of a view, and what one may do there. */
export function ViewHead({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="view-head">
      <h1>{title}</h1>
      {children && <div class="view-tools">{children}</div>}
    </div>
  );
}
