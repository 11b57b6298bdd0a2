/** The public interface of the package: what drivers for machines and programs around a manager build on. */
export { Cluster } from './cluster/cluster.ts';
export type { Container } from './cluster/container.ts';
export type { ClusterEvent } from './cluster/events.ts';
export type { Node, NodeState } from './cluster/node.ts';
export { ClusterError, type ClusterErrorOptions } from './common/errors.ts';
export type { DiscoveryBackend } from './discovery/backend.ts';
export { openDiscovery } from './discovery/discovery.ts';
export { type Entry, parseEntries, parseEntry } from './discovery/entry.ts';
export type { Driver, DriverContext, DriverModule } from './drivers/driver.ts';
export type { Need } from './drivers/needs.ts';
export type { DriverOption } from './drivers/options.ts';
export { type Manager, type ManagerOptions, startManager } from './manager/manager.ts';
export type { EngineSpec, Provisioner, ServerCertificates, Task } from './provision/provisioner.ts';
export type { Shell } from './provision/shell.ts';
export { schedule, schedulerOptions } from './scheduler/scheduler.ts';
export type { ClusterView, Decision, NodeView, PlacementRequest } from './scheduler/types.ts';
