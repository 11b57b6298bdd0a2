import { useEffect, useState } from 'preact/hooks';

/** What the address says: `#/containers/abc?tab=logs` is view `containers`, part `abc`, and a query. */
export interface Route {
  readonly view: string;
  /** What of the view, decoded; empty for all of it. */
  readonly part: string;
  readonly query: URLSearchParams;
}

const HOME = 'hive';

export function readRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [view = '', part = ''] = path.split('/');
  return { view: view || HOME, part: decode(part), query: new URLSearchParams(query) };
}

export function hrefOf(view: string, part = '', query: Readonly<Record<string, string>> = {}): string {
  const words = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
  return `#/${view}${part ? `/${encodeURIComponent(part)}` : ''}${words ? `?${words}` : ''}`;
}

export function go(view: string, part = '', query: Readonly<Record<string, string>> = {}): void {
  location.hash = hrefOf(view, part, query);
}

/** Changes the query of the address without a new entry in the browser's history; an empty value removes its name. */
export function amend(changes: Readonly<Record<string, string>>): void {
  const { view, part, query } = readRoute(location.hash);
  const merged = { ...Object.fromEntries(query), ...changes };
  history.replaceState(null, '', hrefOf(view, part, merged));
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const read = (): void => setHash(location.hash);
    window.addEventListener('hashchange', read);
    return () => window.removeEventListener('hashchange', read);
  }, []);
  return readRoute(hash);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
