import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { run } from '../../src/common/command.ts';
import { clientPath } from '../../src/lab/clients.ts';
import type { CommandOptions, CommandResult, Generation } from '../../src/lab/lab.ts';
import type { Swarm } from './swarm.ts';

/** A person with the clients of one generation, talking to a swarm. */
export class User {
  readonly generation: Generation;
  readonly #swarm: () => Swarm;

  constructor(generation: Generation, swarm: () => Swarm) {
    this.generation = generation;
    this.#swarm = swarm;
  }

  /** Whether compose is the Python program that came with this generation. */
  get hasOldCompose(): boolean {
    return this.generation === '20.10';
  }

  /** Runs docker to its end; a failure is an answer too. */
  try(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.#run('docker', args, options);
  }

  /** Runs docker; throws with what it said when it fails. Returns its trimmed output. */
  async docker(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return succeeded(`docker ${args.join(' ')}`, await this.try(args, options)).stdout.trim();
  }

  /** A compose project with the files of `test/fixtures/compose/FIXTURE/`. */
  project(name: string, fixture: string): Project {
    return new Project(name, fixture, (args, options) => this.#run('compose', args, options), this);
  }

  async #run(tool: 'docker' | 'compose', args: readonly string[], options: CommandOptions): Promise<CommandResult> {
    const swarm = this.#swarm();
    const client = await clientPath(tool, this.generation);
    return run(client.command, [...client.args, ...args], {
      timeoutMs: 300_000,
      ...options,
      env: { ...client.env, ...swarm.lab.dockerEnv(swarm.endpoint), COMPOSE_HTTP_TIMEOUT: '120', ...options.env },
    });
  }
}

/** A container of a project as `docker ps` tells it. */
export interface Listed {
  readonly id: string;
  /** As shown: `node/name`. */
  readonly shown: string;
  readonly node: string;
  readonly service: string;
  readonly status: string;
  readonly ports: string;
}

/** One compose project of a user. */
export class Project {
  readonly name: string;
  readonly file: string;
  readonly #run: (args: readonly string[], options: CommandOptions) => Promise<CommandResult>;
  readonly #user: User;

  constructor(
    name: string,
    fixture: string,
    run: (args: readonly string[], options: CommandOptions) => Promise<CommandResult>,
    user: User,
  ) {
    this.name = `${name}${user.generation.replace('.', '')}`;
    this.file = fileURLToPath(new URL(`../fixtures/compose/${fixture}/compose.yml`, import.meta.url));
    this.#run = run;
    this.#user = user;
  }

  /** Runs compose to its end. */
  try(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.#run(['-p', this.name, '-f', this.file, ...args], options);
  }

  /** Runs compose; throws with what it said when it fails. Returns both its outputs, as a terminal shows them. */
  async compose(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const { stdout, stderr } = succeeded(`compose ${args.join(' ')}`, await this.try(args, options));
    // Compose 2.26 moves the cursor even where there is no terminal.
    return stripVTControlCharacters(`${stdout}${stderr}`);
  }

  /** The project's containers in all states, by name. */
  async containers(): Promise<readonly Listed[]> {
    const format = '{{.ID}}|{{.Names}}|{{.Label "com.docker.compose.service"}}|{{.Status}}|{{.Ports}}';
    const filter = `label=com.docker.compose.project=${this.name}`;
    const listed = await this.#user.docker(['ps', '-a', '--no-trunc', '--filter', filter, '--format', format]);
    return listed
      .split('\n')
      .filter(Boolean)
      .map(toListed)
      .sort((a, b) =>
        (a.shown.split('/')[1] ?? '').localeCompare(b.shown.split('/')[1] ?? '', 'en', { numeric: true }),
      );
  }

  /** The only container of a service. */
  async only(service: string): Promise<Listed> {
    const found = (await this.containers()).filter((each) => each.service === service);
    const [first] = found;
    if (!first || found.length > 1) throw new Error(`${found.length} containers of ${service}`);
    return first;
  }

  /** The name compose gives to the N-th container of a service. */
  nameOf(service: string, number = 1): string {
    return [this.name, service, number].join(this.#user.hasOldCompose ? '_' : '-');
  }

  /** Runs a command in the first container of a service. */
  exec(service: string, ...command: string[]): Promise<CommandResult> {
    return this.try(['exec', '-T', service, ...command]);
  }
}

function toListed(line: string): Listed {
  const [id = '', shown = '', service = '', status = '', ports = ''] = line.split('|');
  return { id, shown, node: shown.split('/')[0] ?? '', service, status, ports };
}

function succeeded(what: string, result: CommandResult): CommandResult {
  if (result.exitCode === 0) return result;
  throw new Error(`${what}: exit code ${result.exitCode}: ${result.stderr.trim()}\n${result.stdout.trim()}`);
}
