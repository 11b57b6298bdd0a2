import type { Command } from 'commander';
import { ClusterError, ConflictError, NotFoundError } from '../../common/errors.ts';
import { stateDir } from '../../common/state-dir.ts';
import { type KnownCluster, knownClusters, titleOf } from '../../store/known-cluster.ts';
import { exportState, importState } from '../../store/state-file.ts';
import { asSentence, type CommandContext } from '../command.ts';

interface Flags {
  readonly stateDir?: string;
  readonly cluster?: string;
}

const EXAMPLES = `
Examples:
  $ enxame state export /backup/swarm.state            # also while the manager runs
  $ enxame state import swarm.state                    # on a new manager's host, before 'enxame manage'

The file holds what the manager keeps of a cluster: what clients want of containers, with their environment and so with
passwords, networks, nodes and their labels, homes of volumes, pending removals. It is for its owner only (0600), and holds no
keys and no credentials of registries. An import touches no container; stop the manager that the file comes from for good.`;

/** `enxame state`: the state of a manager as one file. */
export function configure(command: Command, context: CommandContext): void {
  command.addHelpText('after', EXAMPLES);
  withFlags(command.command('export').summary('write the state of a cluster into one file'))
    .option('--cluster <name|id>', 'cluster, where the folder has the state of several ($ENXAME_CLUSTER)')
    .action((file: string, flags: Flags) => exportTo(file, flags, context));
  withFlags(command.command('import').summary('make the state of a cluster from such a file')).action(
    (file: string, flags: Flags) => importFrom(file, flags, context),
  );
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
  const records = await exportState(cluster, file);
  context.out(`cluster ${titleOf(cluster)}: ${records} records of ${cluster.folder} in ${file}\n`);
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
