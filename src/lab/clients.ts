import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Generation } from '../namespaces/generations.ts';
import { programPath, programsOf } from '../namespaces/generations.ts';
import { cacheRoot } from '../namespaces/paths.ts';
import { ensureGenerations } from '../namespaces/suites.ts';

/** How to run a client program: `command` with `args` before its own arguments, and `env` added to the environment. */
export interface ClientCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** HOME and DOCKER_CONFIG lead to a folder of the lab, so that the user's own settings are neither read nor written. */
  readonly env: Readonly<Record<string, string>>;
}

/** Python's requests prefers these variables to the CA that docker-compose asks it to use (DOCKER_CERT_PATH): unset for it. */
const ownAuthorities = { REQUESTS_CA_BUNDLE: '', CURL_CA_BUNDLE: '' } as const;

/** How to run docker or compose of a generation. Unpacks the generation if need be. `home` defaults to one folder per generation. */
export async function clientPath(
  tool: 'docker' | 'compose',
  generation: Generation,
  home: string = join(cacheRoot(), 'home', generation),
): Promise<ClientCommand> {
  await ensureGenerations([generation]);
  const programs = programsOf(generation);
  const env = { HOME: home, DOCKER_CONFIG: await clientConfig(home, generation) };
  const docker = programPath(programs, 'usr/bin/docker');
  if (tool === 'docker') return { command: docker, args: [], env };
  // Up to 20.10 compose is a program of its own (1.29, Python), later a plugin of the CLI.
  if (generation === '20.10')
    return { command: '/usr/bin/docker-compose', args: [], env: { ...env, ...ownAuthorities } };
  return { command: docker, args: ['compose'], env };
}

/** An empty docker configuration whose CLI plugins are the generation's. */
async function clientConfig(home: string, generation: Generation): Promise<string> {
  const config = join(home, '.docker');
  await mkdir(config, { recursive: true });
  const programs = programsOf(generation);
  if (generation === '20.10') return config;
  const plugins = programPath(programs, 'usr/libexec/docker/cli-plugins');
  await symlink(plugins, join(config, 'cli-plugins')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return config;
}
