import { describe, expect, test } from 'vitest';
import type { Services } from '../api/call.ts';
import type { PageCall } from './calls.ts';
import { planCalls } from './plan-calls.ts';

describe('the page of a replica', () => {
  const toPrimary = { isPrimary: false, primary: '10.0.0.2:3376' };
  const routes = planCalls({ toPrimary } as unknown as Services, []);
  const call = { params: { kind: 'drain', id: 'node-1' } } as unknown as PageCall;

  test.each(['GET plans/:kind', 'POST plans/:kind/apply', 'POST nodes/:id/availability'])(
    'leaves %s to the primary, and says which one that is',
    async (key) => {
      await expect(routes[key]?.(call)).rejects.toMatchObject({
        status: 409,
        code: 'NOT_PRIMARY',
        message: expect.stringContaining('it is 10.0.0.2:3376'),
      });
    },
  );
});
