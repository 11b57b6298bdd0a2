import type { Command } from 'commander';
import { ClusterError, ExitStatus } from '../../common/errors.ts';
import { stateDir } from '../../common/state-dir.ts';
import type { Entry } from '../../discovery/entry.ts';
import { EngineClient } from '../../engine/client.ts';
import { connectorFor } from '../../engine/connectors/connectors.ts';
import { assertClusterName, knownCluster } from '../../manager/find-cluster.ts';
import { SubstrateRecord } from '../../manager/substrate-record.ts';
import { openStateStore, type StateStore } from '../../store/state-store.ts';
import {
  assertWhole,
  type DepartingEngine,
  type DepartureIdentity,
  depart,
  type Survey,
  type SurveyedEngine,
  surveyDeparture,
} from '../../substrate/departure.ts';
import type { KnownSubstrate } from '../../substrate/types.ts';
import type { CommandContext } from '../command.ts';
import { confirm } from '../confirm.ts';
import { addDiscovery, DISCOVERY_HELP, discoveryUri, openDiscoveryArgument } from '../discovery-options.ts';
import { addEngineFlags, type EngineFlags, readEngineFlags } from '../engine-flags.ts';

interface Flags extends EngineFlags {
  readonly discoveryOpt?: readonly string[];
  readonly cluster?: string;
  readonly stateDir?: string;
  readonly yes?: boolean;
  readonly force?: boolean;
}

const EXAMPLES = `
Examples:
  $ enxame leave token://TOKEN                     # prints the consequences, and asks
  $ enxame leave --yes --tlsverify --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem 10.0.0.[1:3]:2376

For cluster networks a manager puts its engines into Docker's swarm mode. This command takes them out again. Give it the
arguments of 'enxame manage', and stop the manager first: it would put them back. Containers, images and local volumes
stay; cluster networks are removed, and their containers go on without them. Other swarms are left alone.
${DISCOVERY_HELP}`;

const LIST_MS = 15_000;
/** A swarm whose nodes leave one after the other takes some seconds for each manager. */
const HEARTBEAT_MS = 60_000;
/** Longer lists are cut: they are read by a person, who has to decide. */
const MOST_NAMES = 20;

/** `enxame leave`: engines leave the swarm mode a manager put them into. */
export function configure(command: Command, context: CommandContext): void {
  addEngineFlags(addDiscovery(command))
    .option('--cluster <name|id>', 'cluster to leave, where its state is not on this host ($ENXAME_CLUSTER)')
    .option('--state-dir <folder>', 'folder of the manager’s state, or none ($ENXAME_STATE_DIR)')
    .option('-y, --yes', 'do not ask')
    .option('-f, --force', 'leave even if engines of the cluster do not answer or are not listed')
    .addHelpText('after', EXAMPLES)
    .action((discovery: string | undefined, flags: Flags) =>
      context.interruptible((signal) => leave(discovery, flags, context, signal)),
    );
}

async function leave(
  discovery: string | undefined,
  flags: Flags,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const uri = discoveryUri(discovery, context.env);
  const tls = await readEngineFlags(flags);
  const connect = (entry: Entry): ReturnType<typeof connectorFor> => connectorFor(entry, { tls });
  const backend = await openDiscoveryArgument(uri, flags.discoveryOpt, { ...context, heartbeatMs: HEARTBEAT_MS });
  const engines: DepartingEngine[] = [];
  let state: Awaited<ReturnType<typeof openState>> | undefined;
  try {
    state = await openState(uri, flags, context, backend, connect);
    for (const entry of await backend.entries(AbortSignal.any([signal, AbortSignal.timeout(LIST_MS)])))
      engines.push({ entry: entry.canonical, client: new EngineClient(await connect(entry), { connections: 2 }) });
    const survey = await surveyDeparture(engines, state.identity, signal);
    if (await carryOut(survey, flags, context, signal)) await state.forget();
  } finally {
    await Promise.all(engines.map(({ client }) => client.close().catch(() => undefined)));
    await state?.store.close();
    await backend.close();
  }
}

/** Resolves to whether every engine has left. */
async function carryOut(survey: Survey, flags: Flags, context: CommandContext, signal: AbortSignal): Promise<boolean> {
  const members = survey.engines.filter(({ standing }) => standing.kind === 'member');
  context.out(describe(survey, members));
  if (members.length === 0) return nothingToLeave(survey, flags);
  if (!flags.force) assertWhole(survey);
  if (!flags.yes && !(await confirm('Leave?', '--yes', context))) return false;
  const report = ({ name }: SurveyedEngine, failure: string | undefined): void =>
    failure === undefined
      ? context.out(`${name} has left\n`)
      : context.err(`enxame: leave: ${name} did not leave: ${failure}\n`);
  if (!(await depart(survey, { clock: context.clock, report, signal })))
    throw new ExitStatus('engines did not leave', 1);
  return survey.engines.every(({ standing }) => standing.kind === 'member' || standing.kind === 'free');
}

/** There is nothing to leave only if all engines answered. */
function nothingToLeave({ engines }: Survey, { force }: Flags): boolean {
  if (!force && engines.some(isUnreachable)) throw new ExitStatus('engines did not answer', 1);
  return false;
}

function isUnreachable({ standing }: SurveyedEngine): boolean {
  return standing.kind === 'unreachable';
}

interface OpenState {
  readonly identity: DepartureIdentity;
  readonly store: StateStore;
  /** Nothing is left of the substrate: a manager that starts here begins anew instead of missing it. */
  forget(): Promise<void>;
}

/** The cluster's state on this host; its folder is locked until closed, so that no manager forms the substrate meanwhile. */
async function openState(
  discovery: string,
  flags: Flags,
  context: CommandContext,
  backend: Awaited<ReturnType<typeof openDiscoveryArgument>>,
  connect: (entry: Entry) => ReturnType<typeof connectorFor>,
): Promise<OpenState> {
  const asked = flags.cluster || context.env.ENXAME_CLUSTER || undefined;
  if (asked !== undefined) assertClusterName(asked);
  const folder = stateDir(flags.stateDir, context.env, context.isRoot);
  const logger = await context.logger();
  const known =
    folder === undefined
      ? undefined
      : await knownCluster({ stateFolder: folder, discovery, asked, backend, connect, clock: context.clock, logger });
  const store = await openStateStore(known?.folder).catch((error: unknown) => {
    throw (error as { readonly code?: string }).code === 'STATE_LOCKED' ? managerRuns(error) : error;
  });
  const substrate = new SubstrateRecord({ records: store.records('substrate'), clock: context.clock, logger });
  const { nodes = [] }: Partial<KnownSubstrate> = (await substrate.load()) ?? {};
  const marks = new Set([...(known?.marks ?? []), ...(asked === undefined ? [] : [asked])]);
  return {
    identity: { marks, nodeIds: new Set(nodes.map(({ nodeId }) => nodeId)) },
    store,
    forget: () => substrate.forget(),
  };
}

function describe({ engines, networks, services }: Survey, members: readonly SurveyedEngine[]): string {
  const lines: string[] = [];
  if (members.length === 0) {
    const who = engines.some(isUnreachable) ? 'No reachable engine' : 'No engine';
    lines.push(`${who} is in swarm mode for this cluster: there is nothing to leave.`);
  } else {
    const count = members.length === 1 ? '1 engine leaves' : `${members.length} engines leave`;
    lines.push(`${count} swarm mode: ${names(members.map(({ name }) => name))}`);
    const attached = members.flatMap(({ name, attached: held }) => held.map((each) => ({ ...each, node: name })));
    if (networks.length > 0) lines.push(`Networks to be removed: ${names(networks)}`);
    if (services.length > 0) lines.push(`Services to be removed, with their containers: ${names(services)}`);
    if (attached.length > 0) {
      const shown = attached.map(({ node, name, isRunning }) => `${node}/${name}${isRunning ? '' : ' (not running)'}`);
      lines.push(`Containers losing these networks: ${names(shown)}`);
      lines.push(
        'Running ones go on without these networks, the others cannot start: recreate them to get networks again.',
      );
    }
  }
  for (const { name, standing } of engines) {
    if (standing.kind === 'other') lines.push(`${name} is left alone: ${standing.why}${hint(standing.why)}`);
    if (standing.kind === 'unreachable') lines.push(`${name} does not answer: ${standing.why}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

function hint(why: string): string {
  const mark = /cluster (\S+)$/.exec(why)?.[1];
  return mark === undefined ? '' : `. To leave that one, give --cluster ${mark}`;
}

function names(all: readonly string[]): string {
  const shown = all.slice(0, MOST_NAMES).join(', ');
  return all.length > MOST_NAMES ? `${shown} and ${all.length - MOST_NAMES} more` : shown;
}

function managerRuns(cause: unknown): ClusterError {
  const message = 'a manager of this cluster runs here and would put its engines into swarm mode again. Stop it first';
  return new ClusterError(message, { code: 'MANAGER_RUNS', status: 409, cause });
}
