import { renderStatus } from '../api/views/container-status.ts';
import type { Container } from '../cluster/container.ts';
import { fieldsOf } from '../scheduler/json.ts';
import { clip, portTexts } from './model-rows.ts';
import type { ContainerDetail, ContainerState } from './protocol.ts';
import { shownCommand, shownEnv, shownLabels, shownText } from './secrets.ts';

const HEALTH_CHECKS = 5;
const MAX_WORDS_CHARS = 4_096;

/** What a page may see of a container: `inspected` is its engine's `GET /containers/{id}/json`, undefined when it does not answer. */
export function containerDetail(container: Container, inspected: unknown, nowMs: number): ContainerDetail {
  const { id, engineId, name, node, image, imageId, state, labels, createdSeconds, status } = container;
  const all = fieldsOf(inspected);
  const [config, host, now, network] = [all.Config, all.HostConfig, all.State, all.NetworkSettings].map(fieldsOf);
  const reservation = node.ledger.of(engineId);
  const health = fieldsOf(now?.Health);
  const policy = fieldsOf(host?.RestartPolicy);
  const times = Number(policy.MaximumRetryCount ?? 0);
  return {
    id,
    engineId,
    name,
    node: { id: node.id, name: node.name },
    image,
    imageId,
    state: state as ContainerState,
    status: renderStatus(status, nowMs).text,
    created: createdSeconds * 1_000,
    started: timeOf(now?.StartedAt),
    finished: timeOf(now?.FinishedAt),
    exitCode: Number(now?.ExitCode ?? 0),
    oomKilled: now?.OOMKilled === true,
    error: wordsOf(now?.Error),
    restarts: Number(all.RestartCount ?? 0),
    restartPolicy: `${textOf(policy.Name) || 'no'}${times > 0 ? `:${times}` : ''}`,
    pid: Number(now?.Pid ?? 0),
    tty: config?.Tty === true,
    command: shownCommand([textOf(all.Path), ...textsOf(all.Args)].filter((word) => word !== '')),
    workingDir: textOf(config?.WorkingDir),
    user: textOf(config?.User),
    env: shownEnv(textsOf(config?.Env)),
    labels: shownLabels(labels),
    cpus: (reservation?.nanoCpus ?? 0) / 1e9,
    memory: reservation?.memoryBytes ?? 0,
    mounts: listOf(all.Mounts).map((mount) => ({
      kind: textOf(mount.Type),
      source: textOf(mount.Name) || textOf(mount.Source),
      target: textOf(mount.Destination),
      readOnly: mount.RW === false,
    })),
    networks: Object.entries(fieldsOf(network?.Networks)).map(([each, endpoint]) => ({
      name: each,
      address: textOf(fieldsOf(endpoint).IPAddress),
      aliases: textsOf(fieldsOf(endpoint).Aliases),
    })),
    ports: portTexts(container.ports),
    ...(health.Status !== undefined && {
      health: listOf(health.Log)
        .slice(-HEALTH_CHECKS)
        .reverse()
        .map(({ Start, ExitCode, Output }) => ({
          at: timeOf(Start),
          exitCode: Number(ExitCode ?? 0),
          output: wordsOf(Output),
        })),
    }),
    isReached: inspected !== undefined,
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What an engine says in words: a bounded part of it is looked at, and a line of that is shown. */
function wordsOf(value: unknown): string {
  return clip(shownText(textOf(value).slice(0, MAX_WORDS_CHARS)));
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

/** Engines write the year 1 for what never was. */
function timeOf(value: unknown): number | null {
  const ms = Date.parse(textOf(value));
  return Number.isFinite(ms) && ms > 0 ? ms : null;
}
