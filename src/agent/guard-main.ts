import { EngineClient } from '../engine/client.ts';
import { unixConnector } from '../engine/connectors/socket.ts';
import { guard } from './guard.ts';

// A process of its own, so that it goes on when the agent's is stopped or killed. Arguments: the lease's file, the agent's life, the engine's
// socket. Who stops the agent stops it by the lease: a polite signal to the whole group must not end it first.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
const [path = '', agent = '', socketPath = ''] = process.argv.slice(2);
const parent = process.ppid;
const engine = new EngineClient(unixConnector(socketPath));
const mayBegin = (): boolean => process.ppid === parent;
await guard(engine, { path, agent, mayBegin, signal: new AbortController().signal });
process.exit(0);
