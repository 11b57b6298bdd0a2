/**
 * The label of containers that belong to a swarm itself: the manager and the agents that `enxame machine create --swarm`
 * puts on machines. They are listed with `-a` only and do not count when nodes are compared.
 */
export const ROLE_LABEL = 'enxame.role';
