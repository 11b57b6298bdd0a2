import { DriverError } from '../../common/errors.ts';
import { ROLE_LABEL } from '../../common/labels.ts';
import type { EngineClient } from '../../engine/client.ts';
import type { InstalledProgram } from '../../provision/provisioner.ts';
import { lastWords } from './steady.ts';

const FOLDER = '/opt/enxame';
const TARGET = '/target';
/** A hundred megabytes onto a slow disk, in milliseconds. */
const COPY_MS = 300_000;

/**
 * What the image's own Node runs in the container, as a shell need not be there: it copies the whole image into a folder of the machine,
 * all at once. The folders that the agent's launcher mounts are left empty.
 */
const COPY = `const fs = require('node:fs');
const [name] = process.argv.slice(-1);
const [to, draft] = ['${TARGET}/' + name, '${TARGET}/' + name + '.new'];
const mounted = new Set(['proc', 'sys', 'dev', 'run', 'etc', 'tmp', '${TARGET.slice(1)}', '.dockerenv']);
if (!fs.existsSync(to)) {
  fs.rmSync(draft, { recursive: true, force: true });
  fs.mkdirSync(draft, { mode: 0o755 });
  for (const part of fs.readdirSync('/'))
    if (!mounted.has(part)) fs.cpSync('/' + part, draft + '/' + part, { recursive: true, verbatimSymlinks: true });
  fs.renameSync(draft, to);
}`;

interface ImageDetails {
  readonly Id: string;
  readonly Config?: { readonly Entrypoint?: readonly string[] | null };
}

/** Copies the program in an image onto the engine's machine, which then needs no engine to run it. Safe to run again. */
export async function putProgram(client: EngineClient, image: string, signal: AbortSignal): Promise<InstalledProgram> {
  const path = `/images/${encodeURIComponent(image).replaceAll('%2F', '/')}/json`;
  const { Id, Config } = await client.json<ImageDetails>({ method: 'GET', path, signal });
  const [node, main] = Config?.Entrypoint ?? [];
  if (!node?.endsWith('/node') || main === undefined)
    throw new DriverError(
      `the image ${image} does not start Node with a program of its own: no agent can be taken from it`,
      'NO_FENCE_AGENT',
    );
  const name = `agent-${Id.replace(/^sha256:/, '').slice(0, 12)}`;
  await runToItsEnd(client, { Image: image, Entrypoint: [node, '-e', COPY, '--'], Cmd: [name] }, signal);
  return { folder: `${FOLDER}/${name}`, command: [node, main] };
}

async function runToItsEnd(client: EngineClient, what: object, signal: AbortSignal): Promise<void> {
  const body = JSON.stringify({
    ...what,
    User: '0',
    NetworkDisabled: true,
    Labels: { [ROLE_LABEL]: 'agent' },
    HostConfig: {
      Binds: [`${FOLDER}:${TARGET}`],
      NetworkMode: 'none',
      UsernsMode: 'host',
      SecurityOpt: ['label=disable'],
    },
  });
  const { Id } = await client.json<{ readonly Id: string }>({
    method: 'POST',
    path: '/containers/create',
    body,
    signal,
  });
  try {
    await client.json({ method: 'POST', path: `/containers/${Id}/start`, signal });
    const wait = { method: 'POST', path: `/containers/${Id}/wait`, signal, timeoutMs: COPY_MS };
    const { StatusCode } = await client.json<{ readonly StatusCode: number }>(wait);
    if (StatusCode === 0) return;
    const words = await lastWords(client, Id, signal);
    throw new DriverError(
      `copy the fencing agent to ${FOLDER}: ${words || `exit code ${StatusCode}`}`,
      'NO_FENCE_AGENT',
    );
  } finally {
    await client.request({ method: 'DELETE', path: `/containers/${Id}?force=1` }).catch(() => undefined);
  }
}
