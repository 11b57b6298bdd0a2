import type { CommandModule } from './command.ts';

/** A command as the program's help lists it. */
export interface CommandSpec {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly group: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

const CLUSTER = 'A cluster and its members:';
const MACHINES = 'Machines:';
const VIEW = 'A running cluster:';
const OTHER = 'Other:';

/** Every command; its code is loaded on use. A new command is one entry here and one file in commands/. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'create',
    aliases: ['c'],
    group: CLUSTER,
    summary: 'create a cluster token',
    load: () => import('./commands/create.ts'),
  },
  {
    name: 'join',
    aliases: ['j'],
    group: CLUSTER,
    summary: 'register an engine with a cluster, and keep it registered',
    load: () => import('./commands/join.ts'),
  },
  {
    name: 'list',
    aliases: ['l'],
    group: CLUSTER,
    summary: 'list the engines of a cluster',
    load: () => import('./commands/list.ts'),
  },
  {
    name: 'manage',
    aliases: ['m'],
    group: CLUSTER,
    summary: 'serve many engines as one Docker endpoint',
    load: () => import('./commands/manage.ts'),
  },
  {
    name: 'discovery',
    group: CLUSTER,
    summary: 'run a token service',
    load: () => import('./commands/discovery.ts'),
  },
  {
    name: 'connect',
    group: CLUSTER,
    summary: 'give this host one socket that leads to the manager that is alive',
    load: () => import('./commands/connect.ts'),
  },
  {
    name: 'agent',
    group: CLUSTER,
    summary: 'list and revoke agents that dial the manager',
    load: () => import('./commands/agent.ts'),
  },
  {
    name: 'mesh',
    group: VIEW,
    summary: 'show who reaches whom in the encrypted network between nodes, and how',
    load: () => import('./commands/mesh.ts'),
  },
  {
    name: 'leave',
    group: CLUSTER,
    summary: 'undo the swarm mode that a manager set up on its engines',
    load: () => import('./commands/leave.ts'),
  },
  {
    name: 'state',
    group: CLUSTER,
    summary: 'back up the state of a manager, or bring it to another host',
    load: () => import('./commands/state.ts'),
  },
  {
    name: 'certs',
    group: CLUSTER,
    summary: 'create certificates for engines, managers and clients',
    load: () => import('./commands/certs.ts'),
  },
  {
    name: 'machine',
    group: MACHINES,
    summary: 'create and manage Docker hosts at any provider',
    load: () => import('./commands/machine.ts'),
  },
  {
    name: 'ps',
    group: VIEW,
    summary: 'list the containers of a cluster with their nodes',
    load: () => import('./commands/ps.ts'),
  },
  {
    name: 'logs',
    group: VIEW,
    summary: 'show the logs of a service or a project, merged',
    load: () => import('./commands/logs.ts'),
  },
  {
    name: 'top',
    group: VIEW,
    summary: 'show live what nodes and containers use',
    load: () => import('./commands/top.ts'),
  },
  {
    name: 'page',
    group: VIEW,
    summary: 'open the page of a manager in a browser, logged in',
    load: () => import('./commands/page.ts'),
  },
  {
    name: 'nodes',
    group: VIEW,
    summary: 'list the nodes of a cluster: state, load, errors',
    load: () => import('./commands/nodes.ts'),
  },
  {
    name: 'node',
    group: VIEW,
    summary: 'show nodes, pause or drain them, change their labels',
    load: () => import('./commands/node.ts'),
  },
  {
    name: 'failover',
    group: VIEW,
    summary: 'show what is brought back after the loss of nodes, or release the brake',
    load: () => import('./commands/failover.ts'),
  },
  {
    name: 'explain',
    group: VIEW,
    summary: 'say why a container is where it is, and what a loss would mean',
    load: () => import('./commands/explain.ts'),
  },
  {
    name: 'fence',
    group: VIEW,
    summary: 'say that containers must never run twice, or may',
    load: () => import('./commands/fence.ts'),
  },
  {
    name: 'plan',
    group: VIEW,
    summary: 'plan where the cluster runs cheapest, and carry it out',
    load: () => import('./commands/plan.ts'),
  },
  {
    name: 'drill',
    group: VIEW,
    summary: 'show what a loss of nodes would mean, or treat nodes as lost for practice',
    load: () => import('./commands/drill.ts'),
  },
  {
    name: 'move',
    group: VIEW,
    summary: 'move containers to other nodes, with their volumes',
    load: () => import('./commands/move.ts'),
  },
  {
    name: 'rebalance',
    group: VIEW,
    summary: 'spread containers over nodes and failure domains again',
    load: () => import('./commands/rebalance.ts'),
  },
  {
    name: 'forget',
    group: VIEW,
    summary: 'give up the containers and volumes of lost nodes',
    load: () => import('./commands/forget.ts'),
  },
  {
    name: 'info',
    group: VIEW,
    summary: 'print a summary of a cluster',
    load: () => import('./commands/info.ts'),
  },
  {
    name: 'bill',
    group: VIEW,
    summary: 'show what a cluster costs: by provider, region, node and project',
    load: () => import('./commands/bill.ts'),
  },
  {
    name: 'prices',
    group: VIEW,
    summary: 'show what is known of prices, or read the price lists of providers',
    load: () => import('./commands/prices.ts'),
  },
  {
    name: 'completion',
    group: OTHER,
    summary: 'print the completion script for a shell',
    load: () => import('./commands/completion.ts'),
  },
];
