import { expect, test } from 'vitest';
import { silentLogger } from '../common/logger.ts';
import type { Substrate } from '../substrate/substrate.ts';
import { type Holder, releaseLostAddresses } from './lost-addresses.ts';

/** Wants 10.0.0.9 in network `web`, which container `c` of engine `lost` has; tells who was let go of. */
async function released(world: {
  readonly isHealthy?: boolean;
  /** The ID by which clients know the holder; undefined for one that was removed. */
  readonly knownAs?: string;
  readonly address?: string;
  readonly network?: string;
}): Promise<readonly string[]> {
  const { isHealthy = false, knownAs, address = '10.0.0.9', network = 'web' } = world;
  const lost = {
    id: 'lost',
    name: 'lost',
    isHealthy,
    containers: { get: () => knownAs && { id: knownAs } },
  } as unknown as Holder;
  const other = {
    id: 'other',
    name: 'other',
    isHealthy: false,
    containers: { get: () => undefined },
  } as unknown as Holder;
  const tasks = [
    {
      NodeID: 'sw-lost',
      Spec: { NetworkAttachmentSpec: { ContainerID: 'c' } },
      NetworksAttachments: [{ Network: { ID: 'web' }, Addresses: ['10.0.0.9/24'] }],
    },
    { NodeID: 'sw-other', NetworksAttachments: null },
  ];
  const names: string[] = [];
  const substrate = {
    manager: async () => ({ client: { json: async () => tasks } }),
    memberOf: (nodeId: string) => [lost, other].find(({ id }) => `sw-${id}` === nodeId),
    release: async ({ name }: Holder) => names.push(name),
  } as unknown as Substrate;
  await releaseLostAddresses({
    id: 'moved',
    endpoints: [{ network: { raw: { Id: network } }, address }],
    members: [lost, other],
    substrate,
    logger: silentLogger(),
    signal: new AbortController().signal,
  });
  return names;
}

test.each([
  { name: 'a lost engine whose container a client removed is let go of', world: {}, names: ['lost'] },
  { name: 'not one that is healthy', world: { isHealthy: true }, names: [] },
  { name: 'one that has an older copy of the container is let go of', world: { knownAs: 'moved' }, names: ['lost'] },
  { name: 'not one whose container clients still see', world: { knownAs: 'c' }, names: [] },
  { name: 'not for another address', world: { address: '10.0.0.8' }, names: [] },
  { name: 'not for another network', world: { network: 'db' }, names: [] },
  { name: 'not for no address', world: { address: '' }, names: [] },
])('$name', async ({ world, names }) => {
  expect(await released(world)).toEqual(names);
});
