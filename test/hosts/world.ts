import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../../src/common/command.ts';
import { claimRun, sweepLeftovers } from '../../src/lab/leftovers.ts';
import { createNetwork } from '../../src/namespaces/network.ts';
import { removeRun } from '../../src/namespaces/removal.ts';
import type { SshEnvironment } from '../../src/ssh/files.ts';
import { type HostSurroundings, startTestHost, type TestHost, type TestHostOptions } from './host.ts';
import { servePackages } from './package-server.ts';
import { ensureTree } from './tree.ts';

/** Hosts on one network, a user whose key they accept, and the packages of an engine for them. */
export interface HostWorld extends AsyncDisposable {
  /** Home of the user; its `.ssh/id_ed25519` opens every host. */
  readonly environment: SshEnvironment;
  /** That key. */
  readonly keyPath: string;
  /** A folder for the test's own files. */
  readonly directory: string;
  start(options: TestHostOptions): Promise<TestHost>;
  close(): Promise<void>;
}

/** Makes a world without hosts. */
export async function openHostWorld(report: (line: string) => void = () => undefined): Promise<HostWorld> {
  await sweepLeftovers();
  const tree = await ensureTree(report);
  const run = `hosts-${process.pid.toString(36)}${Date.now().toString(36).slice(-4)}`;
  const directory = await claimRun(run, false);
  try {
    const network = await createNetwork(run);
    const home = join(directory, 'home');
    const keyPath = join(home, '.ssh', 'id_ed25519');
    await mkdir(join(home, '.ssh'), { recursive: true, mode: 0o700 });
    await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyPath]);
    const publicKey = await readFile(`${keyPath}.pub`, 'utf8');
    const packages = await servePackages(tree.packages, network.bridgeAddress);
    const around: HostSurroundings = { run, directory, network, tree, publicKey, packages: packages.source };
    let count = 0;
    const close = async (): Promise<void> => {
      await packages.close();
      await removeRun(run);
    };
    return {
      environment: { home },
      keyPath,
      directory,
      start: (options) => {
        count += 1;
        return startTestHost(options, count, around);
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await removeRun(run);
    throw error;
  }
}
