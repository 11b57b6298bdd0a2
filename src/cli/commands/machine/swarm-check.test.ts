import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeIo } from '../../../../test/fakes/fake-io.ts';
import { systemClock } from '../../../common/clock.ts';
import type { SwarmSettings } from '../../../machine/record.ts';
import type { CommandContext } from '../../command.ts';
import { checkSwarms } from './swarm-check.ts';

let service: Server;
let port: number;
let known: boolean;
beforeEach(async () => {
  known = true;
  service = createServer((_request, response) => response.writeHead(known ? 200 : 404).end('[]'));
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  port = (service.address() as AddressInfo).port;
});
afterEach(() => new Promise((resolve) => service.close(resolve)));

const SWARM: SwarmSettings = {
  ...{ isMaster: false, isMember: true, strategy: 'spread', host: 'tcp://0.0.0.0:3376', image: 'self' },
  ...{ discovery: '', discoveryOptions: [], options: [], joinOptions: [] },
};

interface Checked {
  readonly swarm: SwarmSettings | undefined;
  readonly warnings: string;
}

async function check(
  swarm: Partial<SwarmSettings>,
  env: Record<string, string> = {},
  driver = 'none',
): Promise<Checked> {
  const io = fakeIo(env);
  const cli = { ...io, clock: systemClock } as unknown as CommandContext;
  const [first] = await checkSwarms([{ driver, swarm: { ...SWARM, ...swarm } }], cli);
  return { swarm: first?.swarm, warnings: io.stderr() };
}

describe('checkSwarms', () => {
  it('writes a token alone out, as the machines have no $ENXAME_DISCOVERY_URL', async () => {
    const { swarm } = await check({ discovery: 'token://abc' }, { ENXAME_DISCOVERY_URL: `http://127.0.0.1:${port}` });
    expect(swarm).toMatchObject({ discovery: `token://127.0.0.1:${port}/v1/abc`, discoveryOptions: [] });
  });

  it('takes plain HTTP that was chosen here over to the machines, at a private address', async () => {
    const env = { ENXAME_DISCOVERY_URL: 'http://[fd00::1]:9' };
    const { swarm, warnings } = await check({ discovery: 'token://[fd00::1]:9/v1/0123456789abcdef' }, env);
    expect(swarm?.discoveryOptions).toEqual(['token.insecure=true']);
    // Nothing answers there; a machine may know better.
    expect(warnings).toMatch(
      /^warning: token:\/\/\[fd00::1\]:9\/v1\/012345… does not answer this computer\. [^\n]+\n$/,
    );
  });

  it.each([
    {
      why: 'plain HTTP over the internet',
      discovery: 'token://discovery.example.org:2374/v1/abc',
      env: { ENXAME_DISCOVERY_URL: 'http://discovery.example.org:2374' },
      message: /is a public address used with plain HTTP .* pass --swarm-discovery-opt token\.insecure=true$/,
    },
    {
      why: 'loopback, for machines of their own',
      discovery: 'token://127.0.0.1:2374/v1/abc',
      driver: 'local',
      message:
        /machines cannot reach 127\.0\.0\.1:2374.*enxame discovery -H tcp:\/\/\$\(enxame machine host-address -d local\):2374/,
    },
    { why: 'no token', discovery: 'token://h:1/v1/', message: /^--swarm-discovery: .*has no token/ },
  ])('refuses $why', async ({ discovery, env, driver, message }) => {
    await expect(check({ discovery }, env, driver)).rejects.toThrow(message);
  });

  it('refuses HTTPS to a service that speaks plain HTTP, with the remedy', async () => {
    // An address of this computer that is not called loopback.
    await expect(check({ discovery: `token://0.0.0.0:${port}/v1/abc` })).rejects.toThrow(
      /^--swarm-discovery: no token service answers at https:.* --swarm-discovery-opt token\.insecure=true$/,
    );
  });

  it('refuses a token that the service does not know', async () => {
    known = false;
    await expect(check({ discovery: `token://127.0.0.1:${port}/v1/abc` })).rejects.toThrow(
      /^--swarm-discovery: the token service at \S+ does not know the token abc\. /,
    );
  });
});
