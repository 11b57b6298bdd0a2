/** Where the agent's programs lie on a machine, one folder each. */
export const AGENT_FOLDER = '/opt/enxame';
/** What the machine's services start. */
export const LAUNCHER: string = `${AGENT_FOLDER}/fence-agent`;
/** The same for the agent that keeps the machine in the mesh. */
export const MESH_LAUNCHER: string = `${AGENT_FOLDER}/mesh-agent`;
/** Where that one has the machine's key, as `enxame join --mesh` does by default. */
export const MESH_FOLDER = '/var/lib/enxame/mesh';
/** The same for the server of the masters' store. */
export const ETCD_LAUNCHER: string = `${AGENT_FOLDER}/etcd`;
/** Where such servers have their data. */
export const ETCD_FOLDER = '/var/lib/enxame-etcd';
