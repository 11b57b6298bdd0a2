import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/common/command.ts';

/** The package as it is published, installed globally in a folder of its own. */
export interface PackedProgram {
  /** `bin/` of the installation, for PATH. */
  readonly bin: string;
  /** What `enxame` runs there. */
  readonly main: string;
  close(): Promise<void>;
}

/** `npm pack`, then `npm install -g` of that file. */
export async function installPacked(): Promise<PackedProgram> {
  const folder = await mkdtemp('/var/tmp/enxame-packed-');
  const npm = async (...args: readonly string[]): Promise<void> => {
    const { exitCode, stdout, stderr } = await run('npm', args, { timeoutMs: 600_000 });
    if (exitCode !== 0) throw new Error(`npm ${args.join(' ')}: ${stdout}${stderr}`);
  };
  // Of what is built already: other tests run it meanwhile.
  await npm('pack', '--silent', '--ignore-scripts', '--pack-destination', folder);
  const [file = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  const prefix = join(folder, 'prefix');
  await npm('install', '-g', '--prefix', prefix, '--no-audit', '--no-fund', '--prefer-offline', join(folder, file));
  return {
    bin: join(prefix, 'bin'),
    main: join(prefix, 'bin', 'enxame'),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
