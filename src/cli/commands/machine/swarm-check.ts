import { reasonOf, UsageError } from '../../../common/errors.ts';
import type { CreateRequest } from '../../../machine/create.ts';
import type { SwarmSettings } from '../../../machine/record.ts';
import { SELF_IMAGE } from '../../../machine/swarm/self-image.ts';
import type { CommandContext } from '../../command.ts';

/**
 * Looks at what manager and agent will be told before anything is made for them. Another image than ours may know more. Throws a
 * UsageError that names the flag.
 */
export async function checkSwarms(requests: readonly CreateRequest[], cli: CommandContext): Promise<void> {
  const swarms = new Map(requests.map(({ swarm }) => [JSON.stringify(swarm), swarm]));
  for (const swarm of swarms.values()) if (swarm?.image === SELF_IMAGE) await checkOne(swarm, cli);
}

async function checkOne(swarm: SwarmSettings, { clock }: CommandContext): Promise<void> {
  const [{ selectStrategy }, { openDiscovery }] = await Promise.all([
    import('../../../scheduler/strategies/registry.ts'),
    import('../../../discovery/discovery.ts'),
  ]);
  await flag('--swarm-strategy', () => selectStrategy(swarm.strategy));
  const options = new Map(swarm.discoveryOptions.map((pair): [string, string] => splitPair(pair)));
  // Files that are named are the machine's.
  if (swarm.discovery.startsWith('file:') || [...options.keys()].some((key) => key.endsWith('file'))) return;
  // Connects to nothing yet. Credentials are in the environment of the machine.
  const settings = { heartbeatMs: 20_000, clock, options, env: {} };
  await flag('--swarm-discovery', async () => await (await openDiscovery(swarm.discovery, settings)).close());
}

async function flag(name: string, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new UsageError(`${name}: ${reasonOf(error)}`, 'BAD_SWARM');
  }
}

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
}
