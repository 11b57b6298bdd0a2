import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ClusterError, DriverError, reasonOf, UsageError } from '../common/errors.ts';
import { writePrivate } from '../common/private-file.ts';
import type { DriverModule } from '../drivers/driver.ts';
import { loadDriver } from '../drivers/drivers.ts';
import { resolveOptions, storable } from '../drivers/option-values.ts';
import type { OptionValue, OptionValues } from '../drivers/options.ts';
import type { Provisioner, Task } from '../provision/provisioner.ts';
import { machineExists, PreCreateError } from './errors.ts';
import { fitFirewalls } from './firewalls.ts';
import { engineSpecOf, type Machine, type MachineDeps, openMachine, provisionerOf } from './machine.ts';
import { waitForAddress, waitForEngine } from './readiness.ts';
import { type EngineSettings, isReady, type MachineRecord, READY, type SwarmSettings } from './record.ts';
import { assertMachineName, type StoredMachine } from './store.ts';
import { letThisComputerIn } from './this-computer.ts';
import { issueServer, OWN_AUTHORITY } from './trust.ts';

/** A machine to be made. */
export interface CreateRequest {
  readonly name: string;
  readonly driver: string;
  /** Driver options that were given on the command line or in a fleet file; the rest is environment and defaults. */
  readonly options: OptionValues;
  readonly engine: EngineSettings;
  readonly swarm?: SwarmSettings | undefined;
  readonly fleet?: string | undefined;
  /** Keep the driver's credentials too: in the system's keyring, or where there is none in the store. */
  readonly savesCredentials: boolean;
}

/** What comes after the engine answers; handed in, because it carries the whole program along. */
export type SwarmStep = (machine: Machine, provisioner: Provisioner | undefined, task: Task) => Promise<void>;

/** The surroundings of a create. */
export interface CreateDeps extends MachineDeps {
  readonly runSwarm: SwarmStep;
}

const ANSWER_WITHIN_MS = 60_000;
const SAID_AFTER_MS = 15_000;

/**
 * Makes a machine, or goes on with one whose create was cut off: every step that was done is in the store, and so is everything
 * made at the provider. Rejects with one line; what was made then stays listed until it is resumed or removed.
 */
export async function createMachine(request: CreateRequest, context: CreateDeps, task: Task): Promise<StoredMachine> {
  assertMachineName(request.name);
  const lock = await context.store.lock(request.name, 'create', task.signal);
  try {
    const { stored, secrets } = await begin(request, context);
    const machine = await openMachine(stored, context, { report: task.report, secrets });
    try {
      await runSteps(machine, context, task);
      return stored;
    } catch (error) {
      throw await afterFailure(machine, context, error);
    } finally {
      await machine.close();
    }
  } finally {
    await lock.close();
  }
}

interface Begun {
  readonly stored: StoredMachine;
  readonly secrets: Readonly<Record<string, OptionValue>>;
}

async function begin(request: CreateRequest, context: CreateDeps): Promise<Begun> {
  if (await context.store.has(request.name)) return await resume(request, context);
  const module = await loadDriver(request.driver);
  const values = resolveOptions(module.name, module.options, request.options, context.env);
  const record = newRecord(request, storable(module.options, values, false), context.clock.now());
  const stored = await context.store.add(await withCredentials(record, request, { module, values }, context));
  return { stored, secrets: values };
}

/** Credentials that are to be kept go into the keyring where there is one, else into the record. */
async function withCredentials(
  record: MachineRecord,
  request: CreateRequest,
  { module, values }: { readonly module: DriverModule; readonly values: Readonly<Record<string, OptionValue>> },
  { keyring }: CreateDeps,
): Promise<MachineRecord> {
  const secrets = secretsOf(module, values);
  if (!request.savesCredentials || Object.keys(secrets).length === 0) return record;
  const isKept = await keyring?.set(record.id, secrets).then(
    () => true,
    () => false,
  );
  if (isKept) return { ...record, credentials: 'keyring' };
  return { ...record, credentials: 'options', options: storable(module.options, values, true) };
}

function secretsOf(
  { options }: DriverModule,
  values: Readonly<Record<string, OptionValue>>,
): Readonly<Record<string, OptionValue>> {
  const known = options
    .filter(({ isSecret }) => isSecret)
    .flatMap(({ flag }) => {
      const value = values[flag];
      return value === undefined ? [] : [[flag, value] as const];
    });
  return Object.fromEntries(known);
}

/** Values given now must be those it was begun with: half a machine of each kind is of no use. */
async function resume(request: CreateRequest, context: CreateDeps): Promise<Begun> {
  const stored = await context.store.load(request.name);
  const { record } = stored;
  if (isReady(record)) throw machineExists(request.name);
  const differs = (what: string): UsageError =>
    new UsageError(
      `Docker machine "${request.name}" was begun with another ${what}. Repeat the command as it was, or remove it first: enxame machine rm ${request.name}`,
      'RESUME_DIFFERS',
    );
  if (record.driver !== request.driver) throw differs(`driver (${record.driver})`);
  // One that was begun by an enxame whose engines in the mesh listened goes on as it was begun.
  if (record.reach === 'ssh' && !request.swarm?.isMesh) throw differs('network (--mesh)');
  const module = await loadDriver(record.driver);
  const secrets: Record<string, OptionValue> = {};
  for (const { flag, isSecret, isTransient } of module.options) {
    const given = request.options[flag];
    if (given === undefined) continue;
    if (isSecret || isTransient) secrets[flag] = given;
    else if (String(given) !== String(record.options[flag])) throw differs(`--${flag} (${record.options[flag]})`);
  }
  await stored.update(({ failure: _over, ...old }) => ({ ...old, engine: request.engine, swarm: request.swarm }));
  return { stored, secrets };
}

/** A machine of which nothing exists yet. */
export function newRecord(
  request: CreateRequest,
  options: Readonly<Record<string, OptionValue>>,
  nowMs: number,
): MachineRecord {
  const { name, driver, engine, swarm, fleet } = request;
  return {
    version: 1,
    id: randomBytes(8).toString('hex'),
    name,
    driver,
    createdAt: new Date(nowMs).toISOString(),
    options,
    engine,
    ...(swarm?.isMesh ? { reach: 'ssh' as const } : {}),
    ...(swarm === undefined ? {} : { swarm }),
    ...(fleet === undefined ? {} : { fleet }),
    steps: [],
    resources: [],
  };
}

async function runSteps(machine: Machine, context: CreateDeps, task: Task): Promise<void> {
  const { driver, stored } = machine;
  const step = async (name: string, say: string, work: () => Promise<unknown>): Promise<void> => {
    if (stored.record.steps.includes(name)) return;
    task.signal.throwIfAborted();
    task.report(say);
    try {
      await work();
    } catch (error) {
      const reason = task.signal.aborted ? reasonOf(task.signal.reason) : reasonOf(error);
      await stored.update((old) => ({ ...old, failure: { step: name, reason } }));
      throw error;
    }
    await stored.update(({ failure: _over, ...old }) => ({ ...old, steps: [...old.steps, name] }));
  };
  await step('check', 'running pre-create checks', () =>
    said(machine, context, task, () => preCreateCheck(machine, task.signal)),
  );
  await step('machine', 'creating machine', () => driver.create(task.signal));
  await step('running', 'waiting for the machine to be running', () => waitForAddress(machine, context, task));
  if (stored.record.swarm !== undefined)
    await step('firewalls', 'letting it in at the firewalls of its cluster', () =>
      fitFirewalls(stored.record, context, task, machine),
    );
  const provisioner = await provisionerOf(machine);
  if (provisioner === undefined) await step('access', 'looking at its engine', () => adopt(machine, context, task));
  else await step('engine', 'setting up its engine', () => provision(machine, provisioner, context, task));
  if (stored.record.swarm !== undefined)
    await step('swarm', 'joining the swarm', () => context.runSwarm(machine, provisioner, task));
  await step(READY, 'ready', async () => undefined);
}

/** Tells that the driver is slow, once: a line that does not change looks like a program that hangs. */
async function said(
  machine: Machine,
  { clock }: CreateDeps,
  { report }: Task,
  work: () => Promise<void>,
): Promise<void> {
  const driver = machine.stored.record.driver;
  const timer = clock.timer(() =>
    report(`the driver ${driver} has no answer after 15 s: waiting on (Ctrl-C ends it, nothing is made yet)`),
  );
  timer.start(SAID_AFTER_MS);
  try {
    await work();
  } finally {
    timer.stop();
  }
}

/** Throws for a machine that is to be in the mesh, and that nobody could take into it. */
export async function assertMeshable(machine: Machine): Promise<void> {
  const { swarm, driver } = machine.stored.record;
  if (swarm?.isMesh && (await provisionerOf(machine))?.keepMeshAgent === undefined)
    throw new PreCreateError(
      `--mesh: driver ${driver} does not set hosts up over SSH: leave --mesh out, or run "enxame join --mesh" on the host yourself`,
      'NO_MESH',
      undefined,
    );
}

async function preCreateCheck(machine: Machine, signal: AbortSignal): Promise<void> {
  await assertMeshable(machine);
  try {
    await machine.driver.check(signal);
  } catch (error) {
    if (signal.aborted) throw error;
    const code = error instanceof ClusterError ? error.code : 'PRE_CREATE_CHECK';
    throw new PreCreateError(`Error with pre-create check: ${reasonOf(error)}`, code, error);
  }
}

/** For an engine that is not ours to touch: takes what it is reached with. */
async function adopt(machine: Machine, context: CreateDeps, task: Task): Promise<void> {
  const { stored, driver } = machine;
  const files = await driver.clientCertificates?.(task.signal);
  if (files !== undefined) {
    await writePrivate(join(stored.tlsFolder, 'ca.pem'), files.ca);
    await writePrivate(join(stored.tlsFolder, 'cert.pem'), files.cert);
    await writePrivate(join(stored.tlsFolder, 'key.pem'), files.key);
  }
  await waitForEngine(machine, context, task, 0).catch((error: unknown) => {
    // It may be away today; the machine is only a name for it.
    task.report(`its engine does not answer: ${reasonOf(error)}`);
  });
}

async function provision(machine: Machine, provisioner: Provisioner, context: CreateDeps, task: Task): Promise<void> {
  const { stored } = machine;
  if (stored.record.authority === undefined)
    await stored.update((old) => ({ ...old, authority: context.authority ?? OWN_AUTHORITY }));
  await letThisComputerIn(machine, provisioner, { context, task, isSetUp: true });
  const spec = await engineSpecOf(machine, task.signal);
  const certificates = await issueServer(stored, serverHosts(stored.record), { ...context, signal: task.signal });
  await provisioner.provision(spec, certificates, task);
  task.report('checking connection to Docker');
  await waitForEngine(machine, context, task, ANSWER_WITHIN_MS);
  task.report('Docker is up and running');
}

/** Everything the machine's certificate has to be good for. */
export function serverHosts({ name, address, engine, swarm }: MachineRecord): readonly string[] {
  const advertised = swarm?.addr === undefined ? [] : [swarm.addr.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')];
  const reached = address?.ip === undefined ? [] : [address.ip];
  return [...new Set([...reached, name, ...advertised, ...engine.tlsSans, 'localhost', '127.0.0.1'])];
}

/** Nothing made: the machine is forgotten. Something made: the error says that it is kept and how to go on. */
async function afterFailure(machine: Machine, context: CreateDeps, error: unknown): Promise<unknown> {
  const { name, resources, steps } = machine.stored.record;
  if (resources.length === 0 && !steps.includes('machine')) {
    await context.store.remove(name);
    return error;
  }
  const next = `What was made is kept: repeat the command to go on, or remove it with "enxame machine rm ${name}"`;
  const code = error instanceof ClusterError ? error.code : 'CREATE_FAILED';
  return new DriverError(`create of "${name}": ${reasonOf(error)}. ${next}`, code, error);
}
