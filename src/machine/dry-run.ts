import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Change, Lookup } from '../drivers/driver.ts';
import { loadDriver } from '../drivers/drivers.ts';
import { resolveOptions } from '../drivers/option-values.ts';
import { assertMeshable, type CreateRequest, newRecord } from './create.ts';
import { machineExists } from './errors.ts';
import { dryFirewalls } from './firewalls.ts';
import { type Machine, type MachineDeps, openMachine } from './machine.ts';
import { meshPort, meshPublic } from './mesh-port.ts';
import type { EngineSettings } from './record.ts';
import { shownText } from './shown.ts';
import { assertMachineName, type StoredMachine } from './store.ts';
import { agentEntry } from './swarm/entry.ts';

/**
 * Says line by line what a create would change at the provider and on the machine. Nothing is changed and nothing stored; a cloud
 * is not asked, so what only it knows stands there as `<image debian-13>`.
 */
export async function dryCreate(
  request: CreateRequest,
  context: MachineDeps,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { name, swarm } = request;
  assertMachineName(name);
  if (await context.store.has(name)) throw machineExists(name);
  const module = await loadDriver(request.driver);
  const values = resolveOptions(module.name, module.options, request.options, context.env);
  const secrets = module.options.filter(({ isSecret }) => isSecret).flatMap(({ flag }) => String(values[flag] ?? []));
  const change: Change = (call, _make, planned) => {
    print(`${name}: ${call.action}${call.parameters === undefined ? '' : ` ${shown(call.parameters, secrets)}`}`);
    return Promise.resolve(planned);
  };
  const lookup: Lookup = (_read, planned) => Promise.resolve(planned);
  const stored = inMemory(newRecord(request, values, context.clock.now()), context.store.root);
  const machine = await openMachine(stored, context, { change, lookup });
  try {
    await assertMeshable(machine);
    if (!machine.driver.isRemote) await machine.driver.check(signal);
    await machine.driver.create(signal);
    for (const line of await dryFirewalls(stored.record, context)) print(`${name}: ${line}`);
    for (const step of await engineSteps(machine, request, signal)) print(`${name}: ${step}`);
    if (swarm?.isMaster) print(`${name}: run swarm-agent-master at ${swarm.host}, strategy ${swarm.strategy}`);
    if (swarm?.isMesh) for (const line of meshSteps(stored.record)) print(`${name}: ${line}`);
    else if (swarm?.isMember) print(`${name}: run swarm-agent for ${shownText(swarm.discovery)}`);
  } finally {
    await machine.close();
  }
}

/** What takes a machine into the mesh. */
function meshSteps(record: StoredMachine['record']): readonly string[] {
  const reached = meshPublic(record);
  const where =
    reached === undefined
      ? 'public if it dials from a public address of its own'
      : `reached at --mesh-public ${reached}`;
  return [
    'install wireguard-tools, and wireguard-go where its kernel has no WireGuard',
    `run enxame-mesh for ${shownText(record.swarm?.discovery ?? '')}, before the engine at every start: agent ${agentEntry(record)}, udp ${meshPort(record)}, ${where}`,
  ];
}

/** What is done on the machine itself, once it is there. */
async function engineSteps(machine: Machine, { engine }: CreateRequest, signal: AbortSignal): Promise<string[]> {
  const { driver, stored } = machine;
  // A host that is there already is known; one that is only planned has no address yet.
  const isThere = stored.record.resources.length === 0;
  if (driver.provisioning === 'none') return isThere ? [`use the engine at ${await driver.url(signal)} as it is`] : [];
  const shell = isThere ? await driver.shell(signal) : undefined;
  const { tlsSans, installUrl } = engine;
  const names = tlsSans.length === 0 ? '' : ` for ${tlsSans.join(', ')}`;
  const settings = settingsOf(engine, stored.record.reach);
  const given = Object.keys(settings).length === 0 ? '' : ` ${shown(settings, [])}`;
  return [
    ...(shell?.kind === 'ssh' ? [`log in to ${shell.user}@${shell.host} with SSH, port ${shell.port}`] : []),
    `install the engine, where there is none${installUrl === undefined ? '' : `, from ${installUrl}`}`,
    `set up the engine with certificates${names}${given}`,
    ...(stored.record.reach === 'ssh' ? ['let the engine listen at no port: it is reached through SSH'] : []),
  ];
}

/** The settings that were given; of the environment, which may hold passwords of proxies, only the names. */
function settingsOf(
  { tlsSans: _names, installUrl: _url, env, port, ...rest }: EngineSettings,
  reach: StoredMachine['record']['reach'],
): Readonly<Record<string, unknown>> {
  const all = { ...(reach === 'ssh' ? {} : { port }), ...rest, env: env.map((text) => text.replace(/=.*$/s, '')) };
  const isGiven = (value: unknown): boolean =>
    typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : value !== undefined;
  return Object.fromEntries(Object.entries(all).filter(([, value]) => isGiven(value)));
}

/** Parameters on one line, long texts cut, credentials hidden wherever they appear. */
function shown(parameters: Readonly<Record<string, unknown>>, secrets: readonly string[]): string {
  let text = JSON.stringify(parameters, (_key, value: unknown) =>
    typeof value === 'string' && value.length > 200 ? `${value.slice(0, 200)}… (${value.length} characters)` : value,
  );
  for (const secret of secrets) if (secret.length > 0) text = text.replaceAll(secret, '(hidden)');
  return text;
}

function inMemory(first: StoredMachine['record'], root: string): StoredMachine {
  let record = first;
  const folder = join(root, 'machines', `.dry-${randomBytes(4).toString('hex')}`);
  return {
    get record() {
      return record;
    },
    tlsFolder: join(folder, 'tls'),
    driverFolder: join(folder, 'driver'),
    update: async (change) => {
      record = change(record);
    },
  };
}
