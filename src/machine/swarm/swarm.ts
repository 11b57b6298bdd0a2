import type { Duplex, Readable } from 'node:stream';
import { DriverError } from '../../common/errors.ts';
import { ROLE_LABEL } from '../../common/labels.ts';
import { answerError, bodyOf } from '../../engine/answer-body.ts';
import type { EngineClient } from '../../engine/client.ts';
import { EngineAnswerError, messageOf } from '../../engine/exchange.ts';
import { readResponseHead } from '../../engine/http/read-head.ts';
import type { Provisioner, Task } from '../../provision/provisioner.ts';
import { ownEngine } from '../access.ts';
import type { Machine } from '../machine.ts';
import { replicationOf } from '../masters/role.ts';
import type { MachineStore } from '../store.ts';
import { AGENT_NAME, CONFIG_LABEL, MANAGER_NAME, type SwarmContainer, swarmContainers } from './containers.ts';
import { enginePort } from './entry.ts';
import { ensureSelfImage, openImage, type SelfImage } from './image.ts';
import { SELF_IMAGE } from './self-image.ts';
import { assertSteady } from './steady.ts';

/**
 * Makes the machine's engine what the record says it is to the cluster: the image is there, the containers run, and those that are
 * not wanted any more are gone. Safe to run again; containers that are right already are left alone.
 */
export async function runSwarm(
  machine: Machine,
  provisioner: Provisioner | undefined,
  store: MachineStore,
  task: Task,
): Promise<void> {
  const { record } = machine.stored;
  const client = await ownEngine(machine, task.signal);
  try {
    const containers = record.swarm === undefined ? [] : await plannedFor(machine, provisioner, client, store, task);
    for (const name of [MANAGER_NAME, AGENT_NAME])
      if (!containers.some((each) => each.name === name)) await removeContainer(client, name, task.signal);
    for (const container of containers) await ensureContainer(client, container, task);
  } finally {
    await client.close();
  }
}

async function plannedFor(
  machine: Machine,
  provisioner: Provisioner | undefined,
  client: EngineClient,
  store: MachineStore,
  task: Task,
): Promise<readonly SwarmContainer[]> {
  const { swarm, engine, address } = machine.stored.record;
  if (swarm === undefined) return [];
  const image = await ensureImage(client, swarm.image, store, task);
  const ip = address?.ip ?? (await machine.driver.ip(task.signal));
  const port = enginePort({ address, engine });
  const replication = await replicationOf(machine.stored.record, { store });
  const certificates = provisioner?.certificatePaths;
  return swarmContainers({ swarm, engine: { port }, ip, image, replication, certificates });
}

/** Restarts the manager's container, if there is one, so that it reads its certificates again; containers of the cluster run on. */
export async function restartContainer(machine: Machine, name: string, signal: AbortSignal): Promise<void> {
  const client = await ownEngine(machine, signal);
  try {
    await client
      .json({ method: 'POST', path: `/containers/${name}/restart?t=5`, signal, timeoutMs: 60_000 })
      .catch(unless404);
  } finally {
    await client.close();
  }
}

/** The image's reference on the engine: pulled if the person named one, else made of this program and loaded. */
export async function ensureImage(
  client: EngineClient,
  wanted: string,
  store: MachineStore,
  task: Task,
): Promise<string> {
  if (wanted !== SELF_IMAGE) {
    if (await hasImage(client, wanted, task.signal)) return wanted;
    task.report(`pulling ${wanted}`);
    const failure = await pull(client, wanted, task.signal);
    if (failure === undefined) return wanted;
    task.report(`${wanted} cannot be pulled (${failure}): using this program's own image`);
  }
  const image = await ensureSelfImage(store, task);
  if (await hasImage(client, image.reference, task.signal)) return image.reference;
  await assertArchitecture(client, image, task.signal);
  task.report(`loading the swarm image (${Math.round(image.sizeBytes / 1e6)} MB)`);
  await load(client, image, task.signal);
  return image.reference;
}

async function hasImage(client: EngineClient, reference: string, signal: AbortSignal): Promise<boolean> {
  const path = `/images/${encodeURIComponent(reference).replaceAll('%2F', '/')}/json`;
  return (await client.request({ method: 'GET', path, signal })).statusCode === 200;
}

/** Undefined when it was pulled, else why not. */
async function pull(client: EngineClient, reference: string, signal: AbortSignal): Promise<string | undefined> {
  const colon = reference.lastIndexOf(':');
  const [name, tag] =
    colon > reference.lastIndexOf('/')
      ? [reference.slice(0, colon), reference.slice(colon + 1)]
      : [reference, 'latest'];
  const path = `/images/create?fromImage=${encodeURIComponent(name)}&tag=${encodeURIComponent(tag)}`;
  const answer = await client.request({ method: 'POST', path, signal, timeoutMs: 900_000 });
  if (answer.statusCode >= 400) return messageOf(answer.body);
  // An error after the first progress line comes as a line of its own.
  return /"error":"((?:[^"\\]|\\.)*)"/.exec(answer.body.toString())?.[1];
}

async function assertArchitecture(client: EngineClient, image: SelfImage, signal: AbortSignal): Promise<void> {
  const { Arch } = await client.json<{ readonly Arch: string }>({ method: 'GET', path: '/version', signal });
  if (Arch === image.architecture) return;
  throw new DriverError(
    `the machine is ${Arch} and this computer's programs are ${image.architecture}: give --swarm-image one the machine can pull`,
    'NO_SWARM_IMAGE',
  );
}

async function load(client: EngineClient, image: SelfImage, signal: AbortSignal): Promise<void> {
  const headers = {
    'Content-Type': 'application/x-tar',
    'Content-Length': String(image.sizeBytes),
    Connection: 'close',
  };
  const socket = await client.send({ method: 'POST', path: '/images/load?quiet=1', headers, signal });
  const onAbort = (): void => void socket.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await upload(openImage(image), socket);
    const answer = { socket, ...(await readResponseHead(socket, { method: 'POST' }, signal)) };
    if (answer.statusCode >= 400) {
      const { message, status } = await answerError(answer, signal);
      throw new EngineAnswerError(`load the swarm image: ${message}`, status);
    }
    const chunks: Buffer[] = [];
    for await (const chunk of bodyOf(answer, signal)) chunks.push(chunk);
    const error = /"error":"((?:[^"\\]|\\.)*)"/.exec(Buffer.concat(chunks).toString())?.[1];
    if (error !== undefined) throw new DriverError(`load the swarm image: ${error}`, 'NO_SWARM_IMAGE');
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

/** Writes all of it with back-pressure and leaves the socket open for the answer, which may come early when it is a refusal. */
async function upload(from: Readable, to: Duplex): Promise<void> {
  for await (const chunk of from) {
    if (to.destroyed) throw new DriverError('load the swarm image: the engine closed the connection', 'NO_SWARM_IMAGE');
    if (!to.write(chunk)) await drained(to);
  }
}

function drained(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      stream.off('drain', finish).off('close', finish);
      resolve();
    };
    stream.on('drain', finish).on('close', finish);
    if (stream.destroyed) finish();
  });
}

async function ensureContainer(client: EngineClient, container: SwarmContainer, task: Task): Promise<void> {
  const { name, body, digest } = container;
  const { signal } = task;
  const found = await inspect(client, name, signal);
  const isRight = found?.Config?.Labels?.[CONFIG_LABEL] === digest;
  // A manager lays its role down before it ends.
  if (found !== undefined && !isRight)
    await client
      .json({ method: 'POST', path: `/containers/${name}/stop?t=10`, signal, timeoutMs: 60_000 })
      .catch(unless404);
  if (found !== undefined && !isRight) await removeContainer(client, name, signal);
  if (!isRight) {
    task.report(`starting ${name}`);
    await client.json({ method: 'POST', path: `/containers/create?name=${name}`, body: JSON.stringify(body), signal });
  }
  await client.json({ method: 'POST', path: `/containers/${name}/start`, signal });
  await assertSteady(client, name, task);
}

/** Removes one of our containers; another one of that name is not ours to remove. */
export async function removeContainer(client: EngineClient, name: string, signal: AbortSignal): Promise<void> {
  const found = await inspect(client, name, signal);
  if (found === undefined) return;
  if (found.Config?.Labels?.[ROLE_LABEL] === undefined)
    throw new DriverError(
      `the machine has a container "${name}" that is not of this program: rename or remove it first`,
      'CONTAINER_EXISTS',
    );
  await client.json({ method: 'DELETE', path: `/containers/${name}?force=1`, signal }).catch(unless404);
}

async function inspect(client: EngineClient, name: string, signal: AbortSignal): Promise<Inspected | undefined> {
  return await client.json<Inspected>({ method: 'GET', path: `/containers/${name}/json`, signal }).catch(unless404);
}

interface Inspected {
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null };
}

function unless404(error: unknown): undefined {
  if (error instanceof EngineAnswerError && error.status === 404) return undefined;
  throw error;
}
