import type { Command } from 'commander';
import { ClusterError, ConflictError, NotFoundError } from '../../common/errors.ts';
import { stateDir } from '../../common/state-dir.ts';
import { openSharedStore } from '../../kv/open-shared-store.ts';
import type { SharedStore } from '../../kv/shared/shared-store.ts';
import { sharedCluster, takeOver } from '../../replication/take-over-state.ts';
import { type KnownCluster, knownClusters, saveCluster, titleOf } from '../../store/known-cluster.ts';
import { exportState, importState } from '../../store/state-file.ts';
import { openStateStore } from '../../store/state-store.ts';
import { asSentence, type CommandContext } from '../command.ts';
import { discoveryOptions } from '../discovery-options.ts';

interface Flags {
  readonly stateDir?: string;
  readonly cluster?: string;
  readonly discoveryOpt?: readonly string[];
}

const EXAMPLES = `
Examples:
  $ enxame state export /backup/swarm.state            # also while the manager runs
  $ enxame state import swarm.state                    # on a new manager's host, before 'enxame manage'
  $ enxame state migrate etcd://A,B,C/bees             # while the manager is stopped; its next start is with --replication
  $ enxame state show                                  # which clusters there are, and where their records are

The records of a cluster with several managers are exported from the store that these share. An import makes the state of one manager of
it, which is how a cluster leaves such a store.

The file holds what the manager keeps of a cluster: what clients want of containers, with their environment and so with
passwords, networks, nodes and their labels, homes of volumes, pending removals. It is for its owner only (0600), and holds no
keys and no credentials of registries. An import touches no container; stop the manager that the file comes from for good.`;

/** `enxame state`: the state of a manager as one file. */
export function configure(command: Command, context: CommandContext): void {
  command.addHelpText('after', EXAMPLES);
  withFlags(command.command('export').summary('write the state of a cluster into one file'))
    .option('--cluster <name|id>', 'cluster, where the folder has the state of several ($ENXAME_CLUSTER)')
    .option('--discovery-opt <key=value>', 'option of the store that managers share; may be repeated', gather)
    .action((file: string, flags: Flags) => exportTo(file, flags, context));
  command
    .command('show')
    .summary('show which clusters have a state here, and where their records are')
    .option('--state-dir <folder>', 'folder of the manager’s state ($ENXAME_STATE_DIR)')
    .action((flags: Flags) => show(flags, context));
  withFlags(command.command('import').summary('make the state of a cluster from such a file')).action(
    (file: string, flags: Flags) => importFrom(file, flags, context),
  );
  command
    .command('migrate')
    .summary('hand the records of one manager over to a store that several share')
    .argument('<store>', 'the store, like etcd://HOST,HOST,HOST/PREFIX')
    .option('--state-dir <folder>', 'folder of the manager’s state ($ENXAME_STATE_DIR)')
    .option('--cluster <name|id>', 'cluster, where the folder has the state of several ($ENXAME_CLUSTER)')
    .option('--discovery-opt <key=value>', 'option of that store, like kv.cacertfile; may be repeated', gather)
    .action((uri: string, flags: Flags) => migrate(uri, flags, context));
  for (const each of command.commands) each.description(asSentence(each.summary()));
}

function withFlags(command: Command): Command {
  return command
    .argument('<file>', 'file of the exported state')
    .option('--state-dir <folder>', 'folder of the manager’s state ($ENXAME_STATE_DIR)');
}

async function exportTo(file: string, flags: Flags, context: CommandContext): Promise<void> {
  const folder = folderOf(flags, context);
  const asked = flags.cluster ?? context.env.ENXAME_CLUSTER;
  const cluster = chosen(await knownClusters(folder), asked, folder);
  const shared = await openShared(cluster, flags, context);
  try {
    const records = await exportState(cluster, file, shared && ((kind) => shared.records(kind)));
    context.out(`cluster ${titleOf(cluster)}: ${records} records of ${cluster.shared ?? cluster.folder} in ${file}\n`);
  } finally {
    await shared?.close();
  }
}

/** The store that has the records of a cluster with several managers; it has to be this cluster's. */
async function openShared(
  { id, shared: name }: KnownCluster,
  { discoveryOpt = [] }: Flags,
  { env }: CommandContext,
): Promise<SharedStore | undefined> {
  if (name === undefined) return undefined;
  const { store } = await openSharedStore(name, discoveryOptions(discoveryOpt), env, 'named');
  try {
    const held = await sharedCluster(store);
    if (held?.id === id && held.state === 'ready') return store;
    throw new ConflictError(`${name} has no records of cluster ${id}: nothing was exported`, 'STORE_EMPTY');
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function show(flags: Flags, context: CommandContext): Promise<void> {
  const folder = folderOf(flags, context);
  const clusters = await knownClusters(folder);
  if (clusters.length === 0) context.out(`no cluster has a state in ${folder}\n`);
  for (const cluster of clusters) context.out(`${shown(cluster)}\n`);
}

function shown(cluster: KnownCluster): string {
  const { engines, shared, folder, handedOverAt } = cluster;
  const before =
    handedOverAt === undefined ? '' : `; those of before ${handedOverAt.slice(0, 19)}Z are kept in ${folder}`;
  return `cluster ${titleOf(cluster)}: ${engines.length} engines, records in ${shared ?? folder}${shared ? before : ''}`;
}

/** Hands the records of one manager over to a store that several share, as the first start with `--replication` does. */
async function migrate(uri: string, flags: Flags, context: CommandContext): Promise<void> {
  const folder = folderOf(flags, context);
  const cluster = chosen(await knownClusters(folder), flags.cluster ?? context.env.ENXAME_CLUSTER, folder);
  if (cluster.shared !== undefined)
    throw new ConflictError(
      `the records of cluster ${titleOf(cluster)} are in ${cluster.shared} already: nothing was done`,
      'STATE_SHARED',
    );
  const { store, name } = await openSharedStore(uri, discoveryOptions(flags.discoveryOpt ?? []), context.env);
  try {
    // Refused while a manager has it.
    const own = await openStateStore(cluster.folder);
    try {
      const handedOverAt = new Date(context.clock.now()).toISOString();
      const note = (): Promise<void> => saveCluster({ ...cluster, shared: name, handedOverAt });
      if (!(await takeOver(store, cluster.id, own, note))) await assertHeld(store, cluster, name);
    } finally {
      await own.close();
    }
  } finally {
    await store.close();
  }
  context.out(
    `cluster ${titleOf(cluster)}: records in ${name}. Start its manager with --replication and that store; those of before are kept in ${cluster.folder}\n`,
  );
}

async function assertHeld(store: SharedStore, { id }: KnownCluster, name: string): Promise<void> {
  const held = await sharedCluster(store);
  throw new ConflictError(
    held?.id === id
      ? `${name} has records of cluster ${id} already: start the manager with --replication and that store`
      : `${name} has the records of cluster ${held?.id}: give another prefix`,
    'STORE_TAKEN',
  );
}

function gather(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

async function importFrom(file: string, flags: Flags, context: CommandContext): Promise<void> {
  const { cluster, records } = await importState(file, folderOf(flags, context));
  context.out(`cluster ${titleOf(cluster)}: ${records} records in ${cluster.folder}\n`);
}

function folderOf({ stateDir: flag }: Flags, { env, isRoot }: CommandContext): string {
  const folder = stateDir(flag, env, isRoot);
  if (folder !== undefined) return folder;
  throw new ClusterError('--state-dir none keeps nothing: give the folder of the state', {
    code: 'NO_STATE_DIR',
    status: 400,
    exitCode: 2,
  });
}

function chosen(clusters: readonly KnownCluster[], asked: string | undefined, folder: string): KnownCluster {
  const meant = asked ? clusters.filter(({ id, name }) => id === asked || name === asked) : clusters;
  const [cluster, other] = meant;
  if (!cluster)
    throw new NotFoundError(
      asked
        ? `cluster ${asked} has no state in ${folder}: give the folder of its manager with --state-dir`
        : `there is no state of a cluster in ${folder}: give the folder of the manager with --state-dir`,
      'NO_STATE',
    );
  if (other)
    throw new ConflictError(
      `there are the states of several clusters in ${folder}: give --cluster ${meant.map(({ id }) => id).join(' or ')}`,
      'SEVERAL_STATES',
    );
  return cluster;
}
