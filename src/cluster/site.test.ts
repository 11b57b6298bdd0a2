import { describe, expect, test } from 'vitest';
import type { ContainerSummary, EngineInfo, NetworkSummary } from '../engine/types.ts';
import { containerOfSite, engineFacts, eventOfSite, networkOfSite, sitesBelow } from './site.ts';

const MINE = 'io.enxame.attempt.mine';

function named(...Names: readonly string[]): ContainerSummary {
  return { Id: 'a'.repeat(64), Names, Image: 'app', ImageID: '', Created: 0, State: 'running', Status: 'Up' };
}

describe('a listing of a site reads as that of an engine', () => {
  test.each([
    { listed: ['/web', '/bee/web'], names: ['/web'], node: 'bee' },
    { listed: ['/db', '/web/db', '/bee/db', '/bee/web/db'], names: ['/db', '/web/db'], node: 'bee' },
    // Nobody knows what such a manager means: nothing is cut off.
    { listed: ['/web', '/other'], names: ['/web', '/other'], node: undefined },
    { listed: ['/web'], names: ['/web'], node: undefined },
    { listed: [], names: [], node: undefined },
  ])('names $listed', ({ listed, names, node }) => {
    expect(containerOfSite(named(...listed), MINE)).toMatchObject({ Names: names, ...(node && { SiteNode: node }) });
  });

  test('the mark of this cluster is one as at an engine, and those of others are labels', () => {
    const Labels = { [MINE]: 'ours', 'io.enxame.attempt.other': 'theirs', own: 'x' };
    const { Labels: read } = containerOfSite({ ...named('/web', '/bee/web'), Labels }, MINE);
    expect(read).toEqual({ 'io.enxame.attempt': 'ours', 'io.enxame.attempt.other': 'theirs', own: 'x' });
  });

  test('events name one node, and networks that span its nodes are of one node', () => {
    const told = {
      Type: 'container',
      Action: 'start',
      from: 'app node:bee',
      Actor: { ID: 'x', Attributes: { [MINE]: 'ours' } },
    };
    expect(eventOfSite(told as never, MINE)).toMatchObject({
      from: 'app',
      Actor: { Attributes: { 'io.enxame.attempt': 'ours' } },
    });
    const network = { Id: 'n', Name: 'own', Scope: 'swarm', Driver: 'overlay' } as unknown as NetworkSummary;
    expect(networkOfSite(network).Scope).toBe('local');
  });
});

test('an engine that calls itself a site is none, and a list of sites has an end', () => {
  const Enxame = { Cluster: 'x', Sites: Array.from({ length: 5_000 }, (_, i) => `c${i}`) };
  expect(engineFacts({ ID: 'e', Name: 'bee', NCPU: 1, MemTotal: 1, Enxame } satisfies EngineInfo)).not.toHaveProperty(
    'Enxame',
  );
  expect(sitesBelow([{ site: Enxame }, {}]).length).toBe(1_024);
});
