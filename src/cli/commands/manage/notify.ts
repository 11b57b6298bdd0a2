import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import type { Clock } from '../../../common/clock.ts';
import { reasonOf, UsageError } from '../../../common/errors.ts';
import { isFile } from '../../../common/files.ts';
import { printable } from '../../../common/printable.ts';
import { ExecTarget } from '../../../notify/exec-target.ts';
import type { Target } from '../../../notify/target.ts';
import { WebTarget } from '../../../notify/web-target.ts';
import type { ManageFlags } from './flags.ts';

/** Most targets of each kind, and bytes of a secret. */
const MAX_TARGETS = 16;
const MAX_SECRET_BYTES = 4_096;

export interface NotifySurroundings {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Who is told of losses and moves. Throws `UsageError` for a URL that nothing can be posted to, a program that cannot be run, a secret that
 * cannot be read or is empty, and one that nothing would be signed with.
 */
export async function readNotify(
  flags: Pick<ManageFlags, 'notify' | 'notifySecret' | 'notifyExec'>,
  { clock, env }: NotifySurroundings,
): Promise<readonly Target[]> {
  const { notify: urls = [], notifyExec: programs = [], notifySecret } = flags;
  if (urls.length > MAX_TARGETS || programs.length > MAX_TARGETS)
    throw new UsageError(`--notify and --notify-exec may be given ${MAX_TARGETS} times each`);
  if (notifySecret !== undefined && urls.length === 0)
    throw new UsageError('--notify-secret signs what is sent to a URL: give --notify too');
  const secret = notifySecret === undefined ? undefined : await readSecret(notifySecret);
  const found = await Promise.all(programs.map((program) => findProgram(program, env.PATH ?? '')));
  return [
    ...urls.map((url) => new WebTarget({ clock }, { url, secret })),
    ...found.map((program) => new ExecTarget(program)),
  ];
}

/** The secret of a file, without the line break at its end. */
async function readSecret(path: string): Promise<string> {
  const text = await readStart(path).catch((error: unknown) => {
    throw new UsageError(`--notify-secret ${printable(path)} cannot be read: ${reasonOf(error)}`);
  });
  if (text.length > MAX_SECRET_BYTES)
    throw new UsageError(`--notify-secret ${printable(path)} has more than ${MAX_SECRET_BYTES} bytes`);
  const secret = text.toString('utf8').replace(/\r?\n$/, '');
  if (secret === '') throw new UsageError(`--notify-secret ${printable(path)} is empty`);
  return secret;
}

/** No more than one byte too many of it. */
async function readStart(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_SECRET_BYTES + 1), 0, MAX_SECRET_BYTES + 1, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Its absolute path: where a manager runs may change, and what it finds must not. */
async function findProgram(program: string, path: string): Promise<string> {
  const places = program.includes('/') ? [program] : path.split(delimiter).map((folder) => join(folder, program));
  for (const place of places) {
    const isExecutable = access(place, constants.X_OK).then(
      () => isFile(place),
      () => false,
    );
    if (program !== '' && (await isExecutable)) return resolve(place);
  }
  throw new UsageError(`--notify-exec "${printable(program)}" is no program that can be run`);
}
