import type { Command } from 'commander';
import type { DockerNode } from '../../../api/views/docker-node.ts';
import { UsageError } from '../../../common/errors.ts';
import { addManagerFlags, type ManagerClient, type ManagerFlags } from '../../manager-client.ts';

/** Flags of the commands that choose nodes. */
export interface ChoiceFlags extends ManagerFlags {
  readonly where?: readonly string[];
  readonly format?: string;
}

/** Adds the flags of {@link ChoiceFlags} but for the format. */
export function addChoiceFlags(command: Command): Command {
  return addManagerFlags(command).option('--where <label=value>', 'nodes with this label; may be repeated', collect);
}

/** Gathers the values of a flag that may be repeated. */
export function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

/** The nodes that a line means: those named, or those with all the labels. Throws a {@link UsageError} when it says neither or both. */
export async function chosenNodes(
  names: readonly string[],
  { where = [] }: ChoiceFlags,
  client: ManagerClient,
  signal: AbortSignal,
): Promise<readonly DockerNode[]> {
  if (names.length > 0 === where.length > 0)
    throw new UsageError('name the nodes, or choose them with --where LABEL=VALUE');
  if (where.length > 0) return await nodesWith(where, client, signal);
  const found = new Map<string, DockerNode>();
  for (const name of names) {
    const node = await client.get<DockerNode>(`/nodes/${encodeURIComponent(name)}`, signal);
    found.set(node.ID, node);
  }
  return [...found.values()];
}

/** The nodes that have all of these labels. Throws a {@link UsageError} for what is no `LABEL=VALUE`. */
export async function nodesWith(
  where: readonly string[],
  client: ManagerClient,
  signal: AbortSignal,
): Promise<readonly DockerNode[]> {
  const wanted = where.map(splitPair);
  const nodes = await client.get<readonly DockerNode[]>('/nodes', signal);
  return nodes.filter((node) => {
    const labels = labelsOf(node);
    return wanted.every(([key, value]) => labels.get(key) === value);
  });
}

/** As constraints see them: of a key that both have, the node's label counts, not its engine's. */
export function labelsOf({ Description, Spec }: DockerNode): ReadonlyMap<string, string> {
  return new Map([...Object.entries(Description.Engine.Labels), ...Object.entries(Spec.Labels)]);
}

function splitPair(text: string): readonly [key: string, value: string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new UsageError(`--where "${text}" is not LABEL=VALUE`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}
