import type { CommandContext } from '../command.ts';
import type { ManagerFlags } from '../manager-client.ts';
import type { NameSource } from './complete.ts';
import type { NameKind } from './tree.ts';
import type { TypedLine } from './typed-line.ts';

type Source = (line: TypedLine, context: CommandContext, signal: AbortSignal) => Promise<readonly string[]>;

/** A person waits for the answer, and a manager may be far away or hang. */
const PATIENCE_MS = 2_000;

const SOURCES: Readonly<Record<NameKind, Source>> = {
  machines,
  'machine-paths': async (line, context) => (await machines(line, context)).map((name) => `${name}:`),
  'machine-filters': machineFilters,
  drivers,
  nodes,
  containers,
  'containers-and-nodes': async (line, context, signal) =>
    (await Promise.all([containers(line, context, signal), nodes(line, context, signal)])).flat(),
  'container-filters': containerFilters,
};

/** Names of machines from the store, of nodes and containers from the manager that the line's flags and the environment name. */
export function namesFor(context: CommandContext): NameSource {
  return async (of, line) => {
    const limit = new AbortController();
    const late = context.clock.sleep(PATIENCE_MS, limit.signal).then(
      () => limit.abort(),
      () => undefined,
    );
    try {
      return await SOURCES[of](line, context, limit.signal);
    } catch {
      // Nothing can be said in the middle of a line; the command itself says what is wrong.
      return [];
    } finally {
      limit.abort();
      await late;
    }
  };
}

async function machines({ flags }: TypedLine, { env, clock }: CommandContext): Promise<readonly string[]> {
  const [{ openStore }, { storagePath }] = await Promise.all([
    import('../../machine/store.ts'),
    import('../../machine/storage-path.ts'),
  ]);
  return await openStore(storagePath(flags.get('--storage-path'), env), clock).names();
}

async function drivers(): Promise<readonly string[]> {
  return (await import('../../drivers/drivers.ts')).driverNames();
}

async function machineFilters(line: TypedLine, context: CommandContext): Promise<readonly string[]> {
  const { FILTERS } = await import('../commands/machine/ls.ts');
  return await filterWords(line, FILTERS, {
    driver: drivers,
    name: () => machines(line, context),
    swarm: () => machines(line, context),
  });
}

async function nodes(line: TypedLine, context: CommandContext, signal: AbortSignal): Promise<readonly string[]> {
  const [client, { readStatus }] = await Promise.all([managerOf(line, context), import('../manager-info.ts')]);
  return readStatus(await client.get('/info', signal), client.address).nodes.map(({ Name }) => Name);
}

async function containerFilters(
  line: TypedLine,
  context: CommandContext,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { CONTAINER_FILTERS } = await import('../../api/filters/containers.ts');
  return await filterWords(line, [...CONTAINER_FILTERS], {
    name: () => containers(line, context, signal),
    node: () => nodes(line, context, signal),
    status: async () => ['created', 'restarting', 'running', 'removing', 'paused', 'exited', 'dead'],
    health: async () => ['starting', 'healthy', 'unhealthy', 'none'],
  });
}

async function containers(line: TypedLine, context: CommandContext, signal: AbortSignal): Promise<readonly string[]> {
  const client = await managerOf(line, context);
  const listed = await client.get<readonly { readonly Names?: readonly string[] }[]>('/containers/json?all=1', signal);
  // The manager lists `/name` and `/node/name`.
  return listed.flatMap(({ Names = [] }) => Names[0]?.replace(/^\/(?:[^/]+\/)?/, '') ?? []);
}

/** `key=` while the key is being written, then `key=value`. */
async function filterWords(
  { word }: TypedLine,
  keys: readonly string[],
  values: Readonly<Record<string, () => Promise<readonly string[]>>>,
): Promise<readonly string[]> {
  const equals = word.indexOf('=');
  if (equals === -1) return keys.map((key) => `${key}=`);
  const key = word.slice(0, equals);
  const found = Object.hasOwn(values, key) ? await values[key]?.() : undefined;
  return (found ?? []).map((value) => `${key}=${value}`);
}

async function managerOf(
  { flags }: TypedLine,
  context: CommandContext,
): Promise<import('../manager-client.ts').ManagerClient> {
  const { managerClient } = await import('../manager-client.ts');
  const text = ['host', 'context', 'tlscacert', 'tlscert', 'tlskey'] as const;
  const given = text.flatMap((name) => {
    const value = flags.get(`--${name}`);
    return value === undefined ? [] : [[name, value] as const];
  });
  const named: ManagerFlags = Object.fromEntries(given);
  const switches = { ...(flags.has('--tls') && { tls: true }), ...(flags.has('--tlsverify') && { tlsverify: true }) };
  return await managerClient({ ...named, ...switches }, context);
}
