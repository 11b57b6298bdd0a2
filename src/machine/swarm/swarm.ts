import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { EngineAnswerError, type EngineClient, messageOf } from '../../engine/client.ts';
import { readResponseHead } from '../../engine/response-head.ts';
import { engineClient } from '../access.ts';
import { DriverError } from '../errors.ts';
import type { Machine } from '../machine.ts';
import type { Provisioner, Task } from '../provisioner.ts';
import type { MachineStore } from '../store.ts';
import { CONFIG_LABEL, type SwarmContainer, swarmContainers } from './containers.ts';
import { ensureSelfImage, openImage, type SelfImage } from './image.ts';

/** `--swarm-image` when it is not given: the image made of this very program. */
export const SELF_IMAGE = 'self';

/**
 * Makes the machine's engine part of its cluster: the image is there and the containers run as the record says. Safe to run
 * again; containers that are right already are left alone.
 */
export async function runSwarm(
  machine: Machine,
  provisioner: Provisioner | undefined,
  store: MachineStore,
  task: Task,
): Promise<void> {
  const { record } = machine.stored;
  const { swarm, engine, address } = record;
  if (swarm === undefined) return;
  const client = await engineClient(machine.stored, address?.url ?? '');
  try {
    const image = await ensureImage(client, swarm.image, store, task);
    const ip = address?.ip ?? (await machine.driver.ip(task.signal));
    const plan = { swarm, engine, ip, image, certificates: provisioner?.certificatePaths };
    for (const container of swarmContainers(plan)) await ensureContainer(client, container, task);
  } finally {
    await client.close();
  }
}

/** Restarts the manager's container, if there is one, so that it reads its certificates again; containers of the cluster run on. */
export async function restartContainer(machine: Machine, name: string, signal: AbortSignal): Promise<void> {
  const client = await engineClient(machine.stored, machine.stored.record.address?.url ?? '');
  try {
    await client
      .json({ method: 'POST', path: `/containers/${name}/restart?t=5`, signal, timeoutMs: 60_000 })
      .catch(unless404);
  } finally {
    await client.close();
  }
}

/** The image's reference on the engine: pulled if the person named one, else made of this program and loaded. */
async function ensureImage(client: EngineClient, wanted: string, store: MachineStore, task: Task): Promise<string> {
  if (wanted !== SELF_IMAGE) {
    if (await hasImage(client, wanted, task.signal)) return wanted;
    task.report(`pulling ${wanted}`);
    const failure = await pull(client, wanted, task.signal);
    if (failure === undefined) return wanted;
    task.report(`${wanted} cannot be pulled (${failure}): using this program's own image`);
  }
  const image = await ensureSelfImage(await store.folder('cache'), task.report);
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
    const head = await readResponseHead(socket, signal);
    const chunks: Buffer[] = [head.rest];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (head.statusCode >= 400)
      throw new EngineAnswerError(`load the swarm image: ${messageOf(body)}`, head.statusCode);
    const error = /"error":"((?:[^"\\]|\\.)*)"/.exec(body.toString())?.[1];
    if (error !== undefined) throw new DriverError(`load the swarm image: ${error}`, 'NO_SWARM_IMAGE');
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

/** Writes all of it with back-pressure and leaves the socket open for the answer. */
async function upload(from: Readable, to: NodeJS.WritableStream & { readonly destroyed?: boolean }): Promise<void> {
  for await (const chunk of from) {
    if (to.destroyed) throw new DriverError('load the swarm image: the engine closed the connection', 'NO_SWARM_IMAGE');
    if (!to.write(chunk as Buffer)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
  }
}

async function ensureContainer(
  client: EngineClient,
  container: SwarmContainer,
  { signal, report }: Task,
): Promise<void> {
  const { name, body, digest } = container;
  const found = await client
    .json<Inspected | undefined>({ method: 'GET', path: `/containers/${name}/json`, signal })
    .catch(unless404);
  if (found !== undefined && found.Config?.Labels?.[CONFIG_LABEL] !== digest) {
    await client.json({ method: 'DELETE', path: `/containers/${name}?force=1`, signal }).catch(unless404);
  }
  if (found?.Config?.Labels?.[CONFIG_LABEL] !== digest) {
    report(`starting ${name}`);
    await client.json({ method: 'POST', path: `/containers/create?name=${name}`, body: JSON.stringify(body), signal });
  }
  await client.json({ method: 'POST', path: `/containers/${name}/start`, signal });
}

interface Inspected {
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null };
}

function unless404(error: unknown): undefined {
  if (error instanceof EngineAnswerError && error.status === 404) return undefined;
  throw error;
}
