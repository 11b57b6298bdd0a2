import { reasonOf, UsageError } from '../../../common/errors.ts';
import { privacyOf } from '../../../common/listen-address.ts';
import type { DiscoveryBackend } from '../../../discovery/backend.ts';
import type { CreateRequest } from '../../../machine/create.ts';
import type { SwarmSettings } from '../../../machine/record.ts';
import { SELF_IMAGE } from '../../../machine/swarm/self-image.ts';
import type { CommandContext } from '../../command.ts';

const LOOK_WITHIN_MS = 3000;

/**
 * Looks at what manager and agent will be told before anything is made for them, and answers the requests with a discovery that means on a
 * machine what it means here. Another image than ours may know more. Throws a UsageError that names the flag.
 */
export async function checkSwarms<R extends Pick<CreateRequest, 'swarm' | 'driver'>>(
  requests: readonly R[],
  cli: CommandContext,
): Promise<readonly R[]> {
  const checked = new Map<string, SwarmSettings>();
  for (const { swarm, driver } of requests) {
    if (swarm?.image !== SELF_IMAGE) continue;
    const key = JSON.stringify(swarm);
    if (!checked.has(key)) checked.set(key, await checkOne(swarm, driver, cli));
  }
  return requests.map((request) => {
    const swarm = checked.get(JSON.stringify(request.swarm));
    return swarm === undefined ? request : { ...request, swarm };
  });
}

async function checkOne(given: SwarmSettings, driver: string, cli: CommandContext): Promise<SwarmSettings> {
  const [{ selectStrategy }, { openDiscovery }] = await Promise.all([
    import('../../../scheduler/strategies/registry.ts'),
    import('../../../discovery/discovery.ts'),
  ]);
  await flag('--swarm-strategy', () => selectStrategy(given.strategy));
  const options = optionsOf(given);
  // Files that are named are the machine's.
  if (given.discovery.startsWith('file:') || [...options.keys()].some((key) => key.endsWith('file'))) return given;
  const swarm = await onMachines(given, driver, cli);
  // Credentials are in the environment of the machine.
  const settings = { heartbeatMs: 20_000, clock: cli.clock, options: optionsOf(swarm), env: {} };
  await flag('--swarm-discovery', async () => {
    const backend = await openDiscovery(swarm.discovery, settings);
    try {
      await look(backend, swarm, cli);
    } finally {
      await backend.close();
    }
  });
  return swarm;
}

/** Reports lasting errors now; a service that only the machines reach is not checked. */
async function look(backend: DiscoveryBackend, swarm: SwarmSettings, cli: CommandContext): Promise<void> {
  if (backend.name !== 'token') return;
  const { isLasting } = await import('../../../discovery/backend.ts');
  try {
    await cli.interruptible((signal) =>
      backend.entries(AbortSignal.any([signal, AbortSignal.timeout(LOOK_WITHIN_MS)])),
    );
  } catch (error) {
    if (!isLasting(error)) {
      const { shownText } = await import('../../../machine/shown.ts');
      cli.err(
        `warning: ${shownText(swarm.discovery)} does not answer this computer. The machines will use it nevertheless\n`,
      );
      return;
    }
    throw new UsageError(reasonOf(error).replaceAll('--discovery-opt', '--swarm-discovery-opt'), 'BAD_SWARM');
  }
}

/**
 * The token service as a machine has to be told of it: its environment has no `$ENXAME_DISCOVERY_URL`. Plain HTTP that the person chose here
 * by such a URL is taken over where the service is at a private address.
 */
async function onMachines(swarm: SwarmSettings, driver: string, { env }: CommandContext): Promise<SwarmSettings> {
  const rest = /^token:\/\/(.*)$/i.exec(swarm.discovery)?.[1];
  if (rest === undefined) return swarm;
  const { tokenAddress } = await import('../../../discovery/token-address.ts');
  const options = optionsOf(swarm);
  const isInsecure = options.get('token.insecure') === 'true';
  const defaultServiceUrl = env.ENXAME_DISCOVERY_URL || undefined;
  const { serviceUrl, token } = await flag('--swarm-discovery', () =>
    tokenAddress(rest, { defaultServiceUrl, insecure: isInsecure, tls: false }),
  );
  const url = new URL(serviceUrl);
  const reach = privacyOf(url.hostname);
  if (reach === 'loopback' && driver !== 'none' && driver !== 'generic')
    throw new UsageError(
      `--swarm-discovery: machines cannot reach ${url.host}: it is a loopback address. Run the service at an address of the network: enxame discovery -H tcp://$(enxame machine host-address -d ${driver}):2374 --insecure`,
      'BAD_SWARM',
    );
  const discovery = rest.includes('/') ? swarm.discovery : `token://${url.host}${url.pathname}/${token}`;
  if (url.protocol === 'https:' || isInsecure || reach === 'loopback') return { ...swarm, discovery };
  if (reach !== 'private')
    throw new UsageError(
      `--swarm-discovery: ${url.host} is a public address used with plain HTTP ($ENXAME_DISCOVERY_URL): the token could be read on the way. Use HTTPS, or pass --swarm-discovery-opt token.insecure=true`,
      'BAD_SWARM',
    );
  return { ...swarm, discovery, discoveryOptions: [...swarm.discoveryOptions, 'token.insecure=true'] };
}

async function flag<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new UsageError(`${name}: ${reasonOf(error)}`, 'BAD_SWARM');
  }
}

function optionsOf({ discoveryOptions }: SwarmSettings): ReadonlyMap<string, string> {
  return new Map(
    discoveryOptions.map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}
