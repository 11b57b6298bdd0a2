import type { Container } from '../../cluster/container.ts';
import { exitCodeOf } from '../../cluster/status.ts';

/**
 * A container as `docker node ps` reads it: the part of the Engine API's `swarm.Task` that it shows. Its ID is the
 * container's. The CLI makes the name of service and slot: a container of compose is `project_service.number`, any other `name.1`.
 */
export interface DockerTask {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly CreatedAt: string;
  readonly UpdatedAt: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Spec: { readonly ContainerSpec: { readonly Image: string } };
  readonly ServiceID: string;
  readonly Slot: number;
  readonly NodeID: string;
  readonly Status: {
    readonly Timestamp: string;
    readonly State: string;
    readonly Message: string;
    readonly Err?: string;
    readonly ContainerStatus: { readonly ContainerID: string; readonly ExitCode?: number };
  };
  readonly DesiredState: string;
}

/** @param stay why it stays on its node although that is drained */
export function dockerTask(container: Container, stay?: string): DockerTask {
  const { id, node, image, labels, state, status, createdSeconds } = container;
  const createdAt = new Date(createdSeconds * 1_000).toISOString();
  const since = status.sinceMs === undefined ? createdAt : new Date(status.sinceMs).toISOString();
  const exitCode = exitCodeOf(status);
  const [taskState, desired] = statesOf(state, exitCode);
  const failed = node.isHealthy ? failure(taskState, exitCode) : `node ${node.name} is ${node.state.toLowerCase()}`;
  const error = failed === '' && stay !== undefined ? `stays: ${stay}` : failed;
  return {
    ID: id,
    Version: { Index: 1 },
    CreatedAt: createdAt,
    UpdatedAt: since,
    Labels: labels,
    Spec: { ContainerSpec: { Image: image } },
    ...serviceOf(container),
    NodeID: node.id,
    Status: {
      Timestamp: since,
      State: taskState,
      Message: state,
      ...(error !== '' && { Err: error }),
      ContainerStatus: { ContainerID: id, ...(exitCode !== undefined && { ExitCode: exitCode }) },
    },
    DesiredState: desired,
  };
}

function failure(state: string, exitCode: number | undefined): string {
  return state === 'failed' && exitCode !== undefined ? `task: non-zero exit (${exitCode})` : '';
}

function statesOf(state: string, exitCode: number | undefined): readonly [state: string, desired: string] {
  switch (state) {
    case 'created':
      return ['ready', 'ready'];
    case 'restarting':
      return ['starting', 'running'];
    case 'exited':
      return [exitCode === 0 ? 'complete' : 'failed', 'shutdown'];
    case 'dead':
      return ['failed', 'shutdown'];
    case 'removing':
      return ['remove', 'remove'];
    default:
      return ['running', 'running'];
  }
}

function serviceOf({ name, labels }: Container): Pick<DockerTask, 'ServiceID' | 'Slot'> {
  const project = labels['com.docker.compose.project'];
  const service = labels['com.docker.compose.service'];
  const number = Number(labels['com.docker.compose.container-number']);
  const isCompose = project !== undefined && service !== undefined && Number.isSafeInteger(number) && number > 0;
  return isCompose ? { ServiceID: `${project}_${service}`, Slot: number } : { ServiceID: name, Slot: 1 };
}
