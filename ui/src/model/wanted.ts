const KEY = 'enxame.wanted';

/** Keeps the view that is asked for while nobody is logged in: a login leads there, also one in another tab. See `src/page/login-page.ts`. */
export function want(hash: string): void {
  if (hash.startsWith('#/')) localStorage.setItem(KEY, hash);
}

/** The view that was asked for, once; else the first one. */
export function takeWanted(): string {
  const wanted = localStorage.getItem(KEY);
  localStorage.removeItem(KEY);
  return wanted ?? '#/';
}
