import { expect, test } from 'vitest';
import { chosenAddress } from './connections.ts';

const IPAMConfig = { IPv4Address: '10.77.5.2' };

test.each([
  { name: 'of a container that does not run', endpoint: { IPAMConfig, EndpointID: '' }, address: '10.77.5.2' },
  { name: 'of none', endpoint: { IPAMConfig: null, EndpointID: '' }, address: undefined },
  // Engine 28.5 lists it so after a crash of its host, though no client chose the address.
  { name: 'of an endpoint that is or was up', endpoint: { IPAMConfig, EndpointID: 'a42fd7' }, address: undefined },
])('the chosen address $name', ({ endpoint, address }) => {
  expect(chosenAddress(endpoint)).toBe(address);
});
