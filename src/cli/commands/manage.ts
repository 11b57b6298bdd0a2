import type { Command } from 'commander';
import { stateDir } from '../../common/state-dir.ts';
import { readTlsFiles } from '../../common/tls-files.ts';
import { firstLook, untilItWorked } from '../../discovery/lasting.ts';
import { readClusterOptions } from '../../manager/cluster-options.ts';
import { assertClusterName } from '../../manager/find-cluster.ts';
import { tuneHeap, v8Heap } from '../../manager/heap.ts';
import { type Manager, startManager } from '../../manager/manager.ts';
import { tendHeap } from '../../manager/tend-heap.ts';
import { schedulerOptions } from '../../scheduler/scheduler.ts';
import type { CommandContext } from '../command.ts';
import { DISCOVERY_HELP, discoveryUri, openDiscoveryArgument } from '../discovery-options.ts';
import { engineTls } from '../engine-flags.ts';
import { pricesOptions } from '../price-flags.ts';
import { readClassicFlags } from './manage/classic.ts';
import { addManageFlags, DEFAULTS, type ManageFlags, readStats, readTimes } from './manage/flags.ts';
import { readListeners, readServerTls } from './manage/listeners.ts';
import { readMetrics } from './manage/metrics.ts';
import { readNotify } from './manage/notify.ts';
import { readPage } from './manage/page.ts';
import { readPublish } from './manage/publish.ts';
import { readReplication } from './manage/replication.ts';
import { readReschedule } from './manage/reschedule.ts';
import { startOwnTokenService } from './manage/token-service.ts';
import { printUnit } from './manage/unit.ts';

const EXAMPLES = `
Examples:
  $ enxame manage 10.0.0.1:2375,10.0.0.2:2375                 # running engines, for clients on this host only
  $ enxame manage --tlsverify --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem -H tcp://:3376 token://TOKEN
  $ enxame manage --strategy binpack --filter health --filter port nodes://10.0.0.[10:200]:2376
  $ docker -H tcp://127.0.0.1:2375 info                       # then use docker as usual

A manager finds the state of its cluster by the engines and their addresses, in whatever way discovery lists them. Where these are
ambiguous, --cluster names the cluster: by name (which a new one gets), by ID, or by the mark of a substrate whose state was lost.

--reschedule says which containers of a node that is lost are made anew on others: auto, those that are meant to go on running (with a
restart policy, or of a Compose service); on-node-failure, all but one-off ones; off, none. What has data on its node waits for it. While
fewer than half of the nodes answer, the manager may be the one that is cut off, and moves nothing unless a --witness answers.

--publish-at says where clients reach what containers publish: node, at the node that each is on; endpoint, at this manager's address too,
wherever the container is; everywhere, at each node's whose agent dials (enxame join --dial) as well. Label io.enxame.publish-at says it of
one container.

--cluster-opt takes:
  swarm.overcommit=0.05       share of a node's resources that may be reserved beyond its total
  swarm.createretry=0         number of other nodes to try when an engine fails to create a container
  enxame.substrate=eager      preparation of cluster networks: eager, lazy or off
  enxame.subnet-pool=CIDR     pool of the subnets of cluster networks
  enxame.mesh-subnet=CIDR     addresses of nodes in the mesh (enxame join --mesh)
  enxame.pull=all             docker pull on every node (all) or on one (one)
  enxame.image-spares=on      a second node for images that no registry has, for containers that may move: on or off
${DISCOVERY_HELP}`;

/** `enxame manage`: the manager. */
export function configure(command: Command, context: CommandContext): void {
  addManageFlags(command)
    .addHelpText('after', EXAMPLES)
    .action((discovery: string | undefined, flags: ManageFlags) =>
      manage(discovery, { ...DEFAULTS, ...flags }, context),
    );
}

async function manage(discovery: string | undefined, flags: ManageFlags, context: CommandContext): Promise<void> {
  tuneHeap();
  const material = await readTlsFiles({ ca: flags.tlscacert, cert: flags.tlscert, key: flags.tlskey });
  const serverTls = readServerTls(flags, material);
  const listeners = readListeners(flags, context.env, serverTls);
  const metrics = readMetrics(flags, discovery, context.env, serverTls);
  const page = readPage(flags, discovery, context.env, serverTls);
  const refresh = readClassicFlags(flags);
  const clusterOptions = readClusterOptions(flags.clusterOpt ?? [], flags.adoptSwarm ?? false);
  const times = readTimes(flags);
  const reschedule = readReschedule(flags);
  const publish = await readPublish(flags, listeners);
  const stats = readStats(flags);
  const notify = await readNotify(flags, context);
  const folder = stateDir(flags.stateDir, context.env, context.isRoot);
  const cluster = flags.cluster || context.env.ENXAME_CLUSTER || undefined;
  if (cluster !== undefined) assertClusterName(cluster);
  if (flags.printUnit) return printUnit(discovery, flags, listeners, context);
  const replication = await readReplication(flags, discovery, context.env);
  const logger = await context.logger();
  const service = await startOwnTokenService(flags, folder, serverTls, logger);
  const wrong = new AbortController();
  const manager = await start();
  const stop = context.stopSignal();
  context.out(`Manager at ${manager.addresses.map(({ text }) => text).join(', ')}\n`);
  if (manager.metrics) context.out(`Metrics at ${manager.metrics.url}/metrics\n`);
  if (manager.page) context.out(`Page at ${manager.page.url}: run "enxame page" to log in\n`);
  if (service) context.out(`Token service at ${service.url}\n`);
  const ended = AbortSignal.any([stop, wrong.signal]);
  void tendHeap(manager, v8Heap, context.clock, ended); // Never rejects.
  if (!ended.aborted)
    await new Promise<void>((resolve) => ended.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.all([manager.close(), service?.close()]);
  if (wrong.signal.aborted) throw wrong.signal.reason;

  async function start(): Promise<Manager> {
    try {
      const uri = discoveryUri(discovery, context.env);
      const onLeftOut = (entry: string, why: string): void =>
        logger.warn({ entry, reason: why }, 'a registered entry is not used');
      const backend = await openDiscoveryArgument(uri, flags.discoveryOpt, {
        ...context,
        heartbeatMs: flags.heartbeat,
        onLeftOut,
      });
      // A manager that serves tokens itself may be started before its token is made there.
      if (!service) await firstLook(backend, context.clock);
      return await startManager({
        backend: service ? backend : untilItWorked(backend, (error) => wrong.abort(error)),
        listeners,
        allowHosts: flags.allowHost,
        serverTls,
        engineTls: engineTls(flags, material),
        scheduler: schedulerOptions({
          strategy: flags.strategy,
          ...(flags.filter ? { filters: flags.filter } : {}),
          overcommit: clusterOptions.overcommit,
        }),
        ...(flags.spreadBy ? { spreadBy: flags.spreadBy } : {}),
        clusterOptions,
        reschedule,
        notify,
        refresh,
        times,
        stateFolder: folder,
        discovery: uri,
        cluster,
        replication,
        metrics,
        stats,
        publish,
        clusterSocket: flags.clusterSocket,
        prices: pricesOptions(flags),
        page,
        logger,
        clock: context.clock,
      });
    } catch (error) {
      await service?.close();
      throw error;
    }
  }
}
