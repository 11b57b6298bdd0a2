/** Where the agent's programs lie on a machine, one folder each. */
export const AGENT_FOLDER = '/opt/enxame';
/** What the machine's services start. */
export const LAUNCHER: string = `${AGENT_FOLDER}/fence-agent`;
