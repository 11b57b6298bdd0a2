import { describe, expect, it } from 'vitest';
import { ENGINE_API_OPERATIONS } from '../../test/fixtures/engine-api-1.51.ts';
import { renderApiDoc } from './api-doc.ts';
import { HANDLERS } from './handlers.ts';
import { ROUTES, routeKey } from './operations.ts';
import { createRouter } from './router.ts';

/** A path parameter's name is ours to choose. */
function shape(method: string, path: string): string {
  return `${method} ${path.replace(/\{\w+\}/g, '{}')}`;
}

describe('the table of routes', () => {
  it('has every operation of the Engine API once, the two that it does not list, and our own', () => {
    const operations = ENGINE_API_OPERATIONS.map(([, method, path]) => shape(method, path));
    expect(new Set(operations).size).toBe(107);
    const listed = ROUTES.filter(({ path }) => !path.startsWith('/enxame/'));
    const table = listed.map(({ method, path }) => shape(method, path));
    expect([...table].sort()).toEqual([...operations, 'POST /build/cancel', 'POST /grpc'].sort());
  });

  it('finds each route by a path of its own', () => {
    const router = createRouter(ROUTES);
    for (const route of ROUTES) {
      const found = router.match(route.method, route.path.replace(/\{\w+\}/g, 'some-thing'));
      expect(routeKey(found.route)).toBe(routeKey(route));
    }
  });

  it('takes handlers only for what is in it', () => {
    const keys = new Set(ROUTES.map(routeKey));
    expect(Object.keys(HANDLERS).filter((key) => !keys.has(key as never))).toEqual([]);
  });

  it('is what docs/api.md shows', async () => {
    // `npm run docs:api` (vitest -u) writes the page anew.
    await expect(renderApiDoc(HANDLERS)).toMatchFileSnapshot('../../docs/api.md');
  });

  it('lists an operation without a handler as not built, and one that is not for a cluster as that', () => {
    const { 'GET /containers/json': _, ...others } = HANDLERS;
    const line = (text: string, key: string): string | undefined =>
      text.split('\n').find((each) => each.startsWith(`| \`${key}\``));
    expect(line(renderApiDoc(HANDLERS), 'GET /containers/json')).toContain('from the manager’s state');
    expect(line(renderApiDoc(others), 'GET /containers/json')).toMatch(/\| not built yet \(501\) *\| *\|$/);
    expect(line(renderApiDoc(HANDLERS), 'GET /services')).toContain('not for a cluster (503)');
  });

  it('lists as built exactly the operations that are not answered with 501 or 503', () => {
    const unbuilt = ROUTES.filter((route) => route.semantics !== 'not-for-a-cluster')
      .map(routeKey)
      .filter((key) => HANDLERS[key] === undefined);
    const listed = [...renderApiDoc(HANDLERS).matchAll(/^\| `([^`]+)` *\| not built yet/gm)].map(([, key]) => key);
    expect(listed).toEqual(unbuilt);
  });
});
