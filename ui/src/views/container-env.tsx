import { useState } from 'preact/hooks';
import type { ContainerDetail } from '../../../src/page/protocol.ts';
import { Nothing } from '../parts/fault.tsx';
import { Icon } from '../parts/icon.tsx';
import { useWords } from '../words/words.ts';

/** The environment, without what looks like a secret. */
export function ContainerEnv({ env }: Pick<ContainerDetail, 'env'>) {
  const { container: words, columns } = useWords();
  const [filter, setFilter] = useState('');
  if (env.length === 0) return <Nothing title={words.noEnv} />;
  const shown = env.filter(({ name, value }) => `${name}=${value ?? ''}`.toLowerCase().includes(filter.toLowerCase()));
  return (
    <div class="env">
      <input
        type="search"
        class="filter"
        aria-label={words.filterEnv}
        placeholder={words.filterEnv}
        value={filter}
        onInput={(event) => setFilter(event.currentTarget.value)}
      />
      <table class="plain-table">
        <thead class="unseen">
          <tr>
            <th scope="col">{columns.name}</th>
            <th scope="col">{columns.what}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ name, value }, at) => (
            <tr key={`${name} ${at}`}>
              <th scope="row" class="mono">
                {name}
              </th>
              <td class="mono">
                {value === null ? (
                  <span class="masked" title={words.maskedHint}>
                    <Icon name="lock" size={14} />
                    <span aria-hidden="true">••••••••</span> {words.masked}
                  </span>
                ) : (
                  value
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
