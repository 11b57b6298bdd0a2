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
  it('has every operation of the Engine API once, and the two that it does not list', () => {
    const operations = ENGINE_API_OPERATIONS.map(([, method, path]) => shape(method, path));
    expect(new Set(operations).size).toBe(107);
    const table = ROUTES.map(({ method, path }) => shape(method, path));
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
    await expect(renderApiDoc()).toMatchFileSnapshot('../../docs/api.md');
  });
});
