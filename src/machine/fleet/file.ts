import { basename, extname } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { UsageError } from '../../common/errors.ts';
import type { CreateRequest } from '../create.ts';
import type { OptionValue } from '../options.ts';
import { type EngineSettings, isMachineName, plainEngine, type SwarmSettings } from '../record.ts';

const texts = z.array(z.string());
const labels = z.record(z.string(), z.coerce.string());

const engine = z.strictObject({
  port: z.number().int().min(1).max(65_535).optional(),
  options: texts.optional(),
  env: texts.optional(),
  'insecure-registries': texts.optional(),
  'registry-mirrors': texts.optional(),
  'storage-driver': z.string().optional(),
  'install-url': z.string().optional(),
});

const machine = z.strictObject({
  count: z.number().int().min(0).max(1000).optional(),
  driver: z.string().optional(),
  /** Driver options by flag. */
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), texts])).optional(),
  labels: labels.optional(),
  engine: engine.optional(),
  'tls-sans': texts.optional(),
  role: z.enum(['master', 'member', 'none']).optional(),
  /** `--swarm-addr`. */
  addr: z.string().optional(),
});

const swarm = z.strictObject({
  discovery: z.string().regex(/^[^:]+:\/\/./, 'should be like token://HOST:2374/v1/TOKEN'),
  'discovery-options': texts.default([]),
  strategy: z.string().default('spread'),
  host: z
    .string()
    .regex(/^tcp:\/\/.*:\d+$/, 'should be like tcp://0.0.0.0:3376')
    .default('tcp://0.0.0.0:3376'),
  image: z.string().default('self'),
  options: texts.default([]),
  'join-options': texts.default([]),
});

const file = z.strictObject({
  name: z.string().optional(),
  defaults: machine.omit({ count: true }).optional(),
  swarm: swarm.optional(),
  machines: z.record(z.string(), machine.nullable()),
});

type MachinePart = z.output<typeof machine>;
type SwarmPart = z.output<typeof swarm>;

/** What a fleet file asks for. */
export interface Fleet {
  readonly name: string;
  /** In the file's order. */
  readonly machines: readonly CreateRequest[];
}

/**
 * Reads a fleet file: YAML (or JSON, which YAML contains), where `${NAME}` in a text is the environment's. Throws a UsageError that
 * names the place in the file.
 */
export function parseFleet(text: string, path: string, env: Readonly<Record<string, string | undefined>>): Fleet {
  const result = file.safeParse(filled(readYaml(text, path), path, env));
  if (!result.success) {
    const issue = result.error.issues[0];
    const place = issue?.path.length ? `${issue.path.join('.')}: ` : '';
    throw new UsageError(`${path}: ${place}${issue?.message}`, 'BAD_FLEET_FILE');
  }
  const { name = nameOfFile(path), defaults = {}, machines } = result.data;
  const requests = Object.entries(machines).flatMap(([group, part]) =>
    namesOf(group, part?.count).map((each) => requestOf(each, merged(defaults, part ?? {}), result.data.swarm, name)),
  );
  const bad = requests.find((each) => !isMachineName(each.name));
  if (bad !== undefined)
    throw new UsageError(`${path}: machines.${bad.name}: a machine's name has letters, digits, dots and dashes`);
  const twice = requests.find((each, index) => requests.findIndex((other) => other.name === each.name) !== index);
  if (twice !== undefined) throw new UsageError(`${path}: two machines would be called "${twice.name}"`);
  return { name, machines: requests };
}

/** The name of the fleet, whatever else the file says. Throws a UsageError when it is no YAML. */
export function fleetName(text: string, path: string): string {
  const { name } = (readYaml(text, path) ?? {}) as { readonly name?: unknown };
  return typeof name === 'string' ? name : nameOfFile(path);
}

function nameOfFile(path: string): string {
  return basename(path, extname(path));
}

function readYaml(text: string, path: string): unknown {
  const document = parseDocument(text, { prettyErrors: true });
  const [problem] = document.errors;
  if (problem !== undefined) throw new UsageError(`${path}: ${problem.message.split('\n')[0]}`, 'BAD_FLEET_FILE');
  return document.toJS();
}

/** `worker` alone is one machine of that name; with a count, worker-1, worker-2 and so on. */
function namesOf(group: string, count: number | undefined): readonly string[] {
  return count === undefined ? [group] : Array.from({ length: count }, (_, index) => `${group}-${index + 1}`);
}

function merged(defaults: MachinePart, part: MachinePart): MachinePart {
  return {
    ...defaults,
    ...part,
    options: { ...defaults.options, ...part.options },
    labels: { ...defaults.labels, ...part.labels },
    engine: { ...defaults.engine, ...part.engine },
  };
}

function requestOf(name: string, part: MachinePart, swarmPart: SwarmPart | undefined, fleet: string): CreateRequest {
  const settings = swarmOf(part, swarmPart);
  return {
    name,
    driver: part.driver ?? 'local',
    options: (part.options ?? {}) as Readonly<Record<string, OptionValue>>,
    engine: engineOf(part),
    ...(settings === undefined ? {} : { swarm: settings }),
    fleet,
    savesCredentials: false,
  };
}

function engineOf({ engine: given = {}, labels: own = {}, 'tls-sans': tlsSans = [] }: MachinePart): EngineSettings {
  const { 'storage-driver': storageDriver, 'install-url': installUrl, port, options, env } = given;
  return {
    ...plainEngine(),
    ...(port === undefined ? {} : { port }),
    labels: own,
    options: options ?? [],
    env: env ?? [],
    insecureRegistries: given['insecure-registries'] ?? [],
    registryMirrors: given['registry-mirrors'] ?? [],
    tlsSans,
    ...(storageDriver === undefined ? {} : { storageDriver }),
    ...(installUrl === undefined ? {} : { installUrl }),
  };
}

/** With a `swarm` in the file machines are members unless they say otherwise. */
function swarmOf(part: MachinePart, given: SwarmPart | undefined): SwarmSettings | undefined {
  const role = part.role ?? (given === undefined ? 'none' : 'member');
  if (role === 'none') return undefined;
  if (given === undefined) throw new UsageError(`role: ${role} needs a swarm with its discovery in the fleet file`);
  return {
    isMaster: role === 'master',
    isMember: true,
    discovery: given.discovery,
    discoveryOptions: given['discovery-options'],
    strategy: given.strategy,
    host: given.host,
    image: given.image,
    options: given.options,
    joinOptions: given['join-options'],
    ...(part.addr === undefined ? {} : { addr: part.addr }),
  };
}

/** Replaces `${NAME}` and `${NAME:-default}` in every text; `$$` is a dollar. */
function filled(value: unknown, path: string, env: Readonly<Record<string, string | undefined>>): unknown {
  if (Array.isArray(value)) return value.map((each) => filled(each, path, env));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, path, env)]));
  if (typeof value !== 'string') return value;
  return value.replace(/\$\$|\$\{(\w+)(?::-([^}]*))?\}/g, (whole, name?: string, fallback?: string) => {
    if (whole === '$$' || name === undefined) return '$';
    const found = env[name] || fallback;
    if (found === undefined) throw new UsageError(`${path}: $${name} is not set in the environment`, 'BAD_FLEET_FILE');
    return found;
  });
}
