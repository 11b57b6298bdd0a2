import { createHash } from 'node:crypto';
import { DriverError } from '../../common/errors.ts';
import { ROLE_LABEL } from '../../common/labels.ts';
import { managerPort } from '../machine.ts';
import type { ReplicationPlan } from '../masters/role.ts';
import type { EngineSettings, SwarmSettings } from '../record.ts';
import { advertised, hasAgent, isOfFence } from './entry.ts';

/** Label with a digest of how a container was made, to see whether it is still as it should be. */
export const CONFIG_LABEL = 'enxame.config';
export type Role = 'manager' | 'agent';

/** docker-machine's names, which scripts know. */
export const MANAGER_NAME = 'swarm-agent-master';
export const AGENT_NAME = 'swarm-agent';

/** A container to run on the machine. */
export interface SwarmContainer {
  readonly name: string;
  /** Body of `POST /containers/create`. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Value of {@link CONFIG_LABEL}. */
  readonly digest: string;
}

/** What the containers are made from. */
export interface SwarmPlan {
  readonly swarm: SwarmSettings;
  readonly engine: Pick<EngineSettings, 'port'>;
  /** Where others reach the machine. */
  readonly ip: string;
  readonly image: string;
  /** Undefined: the manager is alone, or its options say how it takes part among several. */
  readonly replication?: ReplicationPlan | undefined;
  /** Paths on the machine; undefined for an engine that was there before. */
  readonly certificates?:
    | { readonly folder: string; readonly ca: string; readonly cert: string; readonly key: string }
    | undefined;
}

/** The containers a machine needs for its part in the cluster, the manager first. */
export function swarmContainers(plan: SwarmPlan): readonly SwarmContainer[] {
  const { isMaster, isMesh } = plan.swarm;
  // Of a machine in the mesh the agent is a service: it is there before the engine.
  const agent = hasAgent(plan.swarm) && !isMesh ? [agentContainer(plan)] : [];
  return [...(isMaster ? [managerContainer(plan)] : []), ...agent];
}

function managerContainer(plan: SwarmPlan): SwarmContainer {
  const { swarm, certificates } = plan;
  if (certificates === undefined)
    throw new DriverError(
      'an engine that was there before has no certificates of ours, and a manager without them would be open to all: make another machine the master, or run "enxame manage" there yourself',
      'NO_SWARM_MASTER',
    );
  const tls = [
    '--tlsverify',
    '--tlscacert',
    certificates.ca,
    '--tlscert',
    certificates.cert,
    '--tlskey',
    certificates.key,
  ];
  const replication = replicationFlags(plan, certificates);
  const flags = ['--host', swarm.host, '--strategy', swarm.strategy, ...tls, ...replication, ...discoveryFlags(swarm)];
  // The cluster's state outlives the container.
  const volume = { Type: 'volume', Source: MANAGER_NAME, Target: '/var/lib/enxame' };
  return container(
    MANAGER_NAME,
    'manager',
    plan,
    ['manage', ...flags, ...flagsOf(swarm.options), swarm.discovery],
    [volume],
  );
}

/** What a person said with `--swarm-opt` stands. */
function replicationFlags(
  { swarm, ip, replication }: SwarmPlan,
  { ca, cert, key }: NonNullable<SwarmPlan['certificates']>,
): string[] {
  const isSaid = swarm.options.some((option) => /^replication(=|$)/.test(option));
  if (!replication) return isSaid ? ['--advertise', advertised(swarm, ip, managerPort(swarm.host))] : [];
  const { store, advertise } = replication;
  const files = [`kv.cacertfile=${ca}`, `kv.certfile=${cert}`, `kv.keyfile=${key}`];
  return [
    ...(isSaid ? [] : ['--replication']),
    ...['--advertise', advertise],
    ...(store === undefined ? [] : ['--replication-store', store]),
    ...(store === undefined ? [] : files.flatMap((file) => ['--replication-store-opt', file])),
  ];
}

function agentContainer(plan: SwarmPlan): SwarmContainer {
  const { swarm, engine } = plan;
  const flags = [
    '--advertise',
    advertised(swarm, plan.ip, engine.port),
    ...discoveryFlags(swarm),
    ...flagsOf(swarm.joinOptions.filter((option) => !isOfFence(option))),
  ];
  return container(AGENT_NAME, 'agent', plan, ['join', ...flags, swarm.discovery], []);
}

function discoveryFlags({ discoveryOptions }: SwarmSettings): string[] {
  return discoveryOptions.flatMap((option) => ['--discovery-opt', option]);
}

function flagsOf(options: readonly string[]): string[] {
  return options.map((option) => `--${option.replace(/^--/, '')}`);
}

function container(
  name: string,
  role: Role,
  plan: SwarmPlan,
  command: readonly string[],
  volumes: readonly object[],
): SwarmContainer {
  const folder = plan.certificates?.folder;
  const binds = folder === undefined ? [] : [{ Type: 'bind', Source: folder, Target: folder, ReadOnly: true }];
  const base = {
    Image: plan.image,
    Cmd: command,
    HostConfig: {
      // The machine's own network: the manager is asked at the machine's address, and sees who asks.
      NetworkMode: 'host',
      RestartPolicy: { Name: 'always' },
      Mounts: [...binds, ...volumes],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    },
  };
  const digest = createHash('sha256').update(JSON.stringify(base)).digest('hex').slice(0, 16);
  return { name, digest, body: { ...base, Labels: { [ROLE_LABEL]: role, [CONFIG_LABEL]: digest } } };
}
