import { randomBytes } from 'node:crypto';
import type { Container } from '../container.ts';
import type { EngineState, Exec } from '../engine-state.ts';
import type { ReplyStream } from '../exchange.ts';
import { withContainer } from './container-reads.ts';
import { multiplexed } from './payload.ts';
import type { RouteContext, RouteTable } from './route.ts';

/** Exec instances: `cat` echoes what it gets until the client half-closes, anything else prints its own command line. */
export const execRoutes: RouteTable = {
  'POST containers/{}/exec': withContainer((context, container) => {
    context.exchange.readJson((body) => create(context, container, body));
  }),
  'POST exec/{}/start': withExec(({ exchange, state }, exec) => {
    exchange.readJson((body) => (body.Detach === true ? detach(exchange, state, exec) : start(exchange, state, exec)));
  }),
  'POST exec/{}/resize': withExec(({ exchange }) => exchange.send(200, '', 'text/plain')),
  'GET exec/{}/json': withExec(({ exchange }, exec) => exchange.json(200, inspect(exec))),
};

function withExec(handler: (context: RouteContext, exec: Exec) => void): (context: RouteContext) => void {
  return (context) => {
    const exec = context.state.execs.get(context.name);
    if (exec === undefined) context.exchange.error(404, `No such exec instance: ${context.name}`);
    else handler(context, exec);
  };
}

function create({ state, exchange }: RouteContext, container: Container, body: Record<string, unknown>): void {
  if (container.state !== 'running') {
    exchange.error(409, `container ${container.id} is not running`);
    return;
  }
  const command = Array.isArray(body.Cmd) ? body.Cmd.map(String) : [];
  const exec = { id: randomBytes(32).toString('hex'), containerId: container.id, command, running: false, exitCode: 0 };
  state.execs.set(exec.id, exec);
  emit(state, exec, `exec_create: ${command.join(' ')}`);
  exchange.json(201, `{"Id":"${exec.id}"}\n`);
}

function start(exchange: RouteContext['exchange'], state: EngineState, exec: Exec): void {
  const isCat = exec.command[0] === 'cat';
  const reply: ReplyStream = exchange.hijack(
    (chunk) => void (isCat && reply.write(multiplexed(1, chunk))),
    () => isCat && finish(),
  );
  exec.running = true;
  emit(state, exec, `exec_start: ${exec.command.join(' ')}`);
  const finish = (): void => {
    exec.running = false;
    emit(state, exec, 'exec_die');
    reply.end();
  };
  if (isCat) return;
  reply.write(multiplexed(1, `${exec.command.join(' ')}\n`));
  finish();
}

function detach(exchange: RouteContext['exchange'], state: EngineState, exec: Exec): void {
  emit(state, exec, `exec_start: ${exec.command.join(' ')}`);
  emit(state, exec, 'exec_die');
  exchange.send(200, '', 'text/plain');
}

function emit(state: EngineState, exec: Exec, action: string): void {
  const container = state.containers.get(exec.containerId);
  if (container === undefined) return;
  const attributes = { ...container.labels, execID: exec.id, image: container.image, name: container.name };
  state.events.emit('container', action, container.id, attributes);
}

function inspect(exec: Exec): string {
  const [entrypoint = '', ...args] = exec.command;
  return JSON.stringify({
    ID: exec.id,
    Running: exec.running,
    ExitCode: exec.running ? null : exec.exitCode,
    ProcessConfig: { tty: false, entrypoint, arguments: args, privileged: false },
    OpenStdin: true,
    OpenStderr: true,
    OpenStdout: true,
    CanRemove: false,
    ContainerID: exec.containerId,
    DetachKeys: '',
    Pid: exec.running ? 4242 : 0,
  });
}
