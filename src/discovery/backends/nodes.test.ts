import { describe, expect, it } from 'vitest';
import { testDiscoveryBackend } from '../../../test/conformance/discovery-backend.ts';
import { openNodesDiscovery } from './nodes.ts';

testDiscoveryBackend('nodes', async () => ({
  backend: await openNodesDiscovery('10.0.0.[1:2]:2376, 10.0.0.1:2376'),
  close: async () => undefined,
}));

describe('openNodesDiscovery', () => {
  it.each(['', ' , ', ','])('explains an empty list %j', async (rest) => {
    await expect(openNodesDiscovery(rest)).rejects.toThrow('the list of nodes is empty');
  });

  it('explains a bad entry', async () => {
    await expect(openNodesDiscovery('10.0.0.1:2376,10.0.0.2')).rejects.toThrow(
      'bad entry "10.0.0.2": the port is missing',
    );
  });
});
