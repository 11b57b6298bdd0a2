import type { ComponentChildren } from 'preact';

/** Names and values; those without a value are left out. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts.map(
        ([name, value], at) =>
          value !== undefined &&
          value !== null &&
          value !== '' &&
          value !== false && (
            <div key={at}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

export function Labels({ labels }: { readonly labels: Readonly<Record<string, string>> }) {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <ul class="labels">
      {sorted.map(([name, value]) => (
        <li key={name} class="mono">
          <span class="muted">{name}</span>
          {value !== '' && `=${value}`}
        </li>
      ))}
    </ul>
  );
}

export function Card({ title, children }: { readonly title: ComponentChildren; readonly children: ComponentChildren }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      {children}
    </section>
  );
}
