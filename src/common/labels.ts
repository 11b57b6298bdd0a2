/**
 * The label of containers that belong to a swarm itself: the manager and the agents that `enxame machine create --swarm`
 * puts on machines. They are listed with `-a` only and do not count when nodes are compared.
 */
export const ROLE_LABEL = 'enxame.role';

/**
 * The label of a cluster network that says what its client asked for where the substrate's own network had to be made differently:
 * JSON of the members that clients are shown instead.
 */
export const ASKED_NETWORK_LABEL = 'io.enxame.asked';

/** The label of a container whose network mode had to be made differently: the mode its client asked for. Clients never see it. */
export const ASKED_MODE_LABEL = 'io.enxame.network-mode';

/**
 * The label of a container that was made for a record: `<cluster>/<incarnation>/<attempt>`, see `desired/attempts.ts`. It tells a copy
 * whose ID was never learnt from every other container. Clients never see it.
 */
export const ATTEMPT_LABEL = 'io.enxame.attempt';

/** The label by which a container says where its ports are published, whatever the manager's default. */
export const PUBLISH_AT_LABEL = 'io.enxame.publish-at';
export const PUBLISH_PLACES = ['node', 'endpoint', 'everywhere'] as const;

/** The label of a container that is told its clients' addresses by a PROXY protocol header. */
export const PROXY_PROTOCOL_LABEL = 'io.enxame.proxy-protocol';
export const PROXY_PROTOCOLS = ['v1', 'v2'] as const;

/** The label of a container that mounts its engine's socket: whether it is given the cluster's instead. */
export const CLUSTER_SOCKET_LABEL = 'io.enxame.cluster-socket';
