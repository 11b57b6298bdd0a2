import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CommandContext } from './command.ts';

/** Browsers have read the file by then, in milliseconds. */
const READ_MS = 10_000;

/**
 * Opens a link with a secret in the user's browser; resolves with whether a program took it. The link goes through a file that only the
 * user can read: what stands in a command line every user of the host can see.
 */
export async function openInBrowser(
  link: string,
  { env, clock }: Pick<CommandContext, 'env' | 'clock'>,
  signal: AbortSignal,
): Promise<boolean> {
  const opener = openerOf(process.platform, env);
  if (!opener) return false;
  // Made with mode 0700.
  const folder = await mkdtemp(join(env.XDG_RUNTIME_DIR || tmpdir(), 'enxame-page-'));
  try {
    const file = join(folder, 'open.html');
    const page = `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=${link}"><title>Enxame</title>\n`;
    await writeFile(file, page, { mode: 0o600 });
    const isTaken = await start(opener, pathToFileURL(file).href);
    if (isTaken) await clock.sleep(READ_MS, signal).catch(() => undefined);
    return isTaken;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The program that opens links here; undefined where there is no desktop. */
export function openerOf(platform: NodeJS.Platform, env: CommandContext['env']): readonly string[] | undefined {
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['cmd', '/c', 'start', ''];
  return env.BROWSER || env.DISPLAY || env.WAYLAND_DISPLAY ? ['xdg-open'] : undefined;
}

function start([program = '', ...args]: readonly string[], link: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, [...args, link], { stdio: 'ignore', detached: true });
    child.once('error', () => resolve(false));
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}
