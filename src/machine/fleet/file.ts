import { basename, extname } from 'node:path';
import { z } from 'zod';
import { nearest } from '../../common/nearest.ts';
import { type Path, readSource, type Source } from '../../common/yaml-source.ts';
import type { OptionValue } from '../../drivers/options.ts';
import type { CreateRequest } from '../create.ts';
import { isMeshPublic } from '../mesh-port.ts';
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
  /** `--mesh-public`. */
  'mesh-public': z
    .union([z.string(), z.number()])
    .transform(String)
    .refine(isMeshPublic, 'should be IP:port or a UDP port')
    .optional(),
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
  mesh: z.boolean().default(false),
});

const file = z.strictObject({
  name: z.string().optional(),
  defaults: machine.omit({ count: true }).optional(),
  swarm: swarm.optional(),
  machines: z.record(z.string(), machine.nullable()),
});

const BAD_FILE = 'BAD_FLEET_FILE';

type MachinePart = z.output<typeof machine>;
type SwarmPart = z.output<typeof swarm>;

/** What a fleet file asks for. */
export interface Fleet {
  readonly name: string;
  /** In the file's order. */
  readonly machines: readonly CreateRequest[];
}

/** A fleet, and where in its file what a machine is stands. */
export interface FleetFile extends Fleet {
  /** An error about a machine's `driver`, or one of its `options`, that begins with its place in the file. */
  problem(machineName: string, keys: Path, message: string): Error;
}

/**
 * Reads a fleet file: YAML (or JSON, which YAML contains), where `${NAME}` in a text is the environment's. Throws a UsageError that
 * begins with the place in the file: `fleet.yml:3:12: …`.
 */
export function parseFleet(text: string, path: string, env: Readonly<Record<string, string | undefined>>): FleetFile {
  const source = readSource(text, path, BAD_FILE);
  if (source.value === null || source.value === undefined) throw source.problem([], 'it is empty: it needs "machines"');
  const result = file.safeParse(filled(source.value, [], source, env));
  if (!result.success) throw problemOf(result.error.issues[0], source);
  const { name = nameOfFile(path), defaults = {}, machines } = result.data;
  const groups = new Map<string, string>();
  const requests = Object.entries(machines).flatMap(([group, part]) => {
    const whole = merged(defaults, part ?? {});
    if (whole.role !== undefined && whole.role !== 'none' && result.data.swarm === undefined)
      throw source.problem(
        placeOf(group, ['role'], source),
        `role ${whole.role} needs a "swarm" with its discovery in the file`,
      );
    return namesOf(group, part?.count).map((each) => {
      if (!isMachineName(each))
        throw source.problem(['machines', group], "a machine's name has letters, digits, dots and dashes");
      if (groups.has(each)) throw source.problem(['machines', group], `two machines would be called "${each}"`);
      groups.set(each, group);
      return requestOf(each, whole, result.data.swarm, name);
    });
  });
  return {
    name,
    machines: requests,
    problem: (machineName, keys, message) =>
      source.problem(placeOf(groups.get(machineName) ?? machineName, keys, source), message),
  };
}

/** What a machine is stands with it or among the defaults. */
function placeOf(group: string, keys: Path, source: Source): Path {
  const own = ['machines', group, ...keys];
  const shared = ['defaults', ...keys];
  return !source.has(own) && source.has(shared) ? shared : own;
}

/** The name of the fleet, whatever else the file says. Throws a UsageError when it is no YAML. */
export function fleetName(text: string, path: string): string {
  const { name } = (readSource(text, path, BAD_FILE).value ?? {}) as { readonly name?: unknown };
  return typeof name === 'string' ? name : nameOfFile(path);
}

function problemOf(issue: z.core.$ZodIssue | undefined, source: Source): Error {
  const path = (issue?.path ?? []).map((key) => (typeof key === 'symbol' ? String(key) : key));
  if (issue?.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const known = keysAt(path);
    const near = nearest(key, known);
    const guess = near === undefined ? `There are ${known.join(', ')}.` : `Did you mean "${near}"?`;
    return source.problem([...path, key], `there is no such key here. ${guess}`);
  }
  if (path.length === 1 && !source.has(path)) return unknownInstead(path, source);
  return source.problem(path, (issue?.message ?? '').replace(/^Invalid input: /, ''));
}

/** `machines` is missing: perhaps it is there by another name, which says more. */
function unknownInstead(path: Path, source: Source): Error {
  const known = keysAt([]);
  const stray = Object.keys(source.value ?? {}).find((key) => !known.includes(key));
  if (stray === undefined) return source.problem([], `"${path.join('.')}" is missing`);
  return source.problem([stray], `there is no such key here. There are ${known.join(', ')}.`);
}

function keysAt(path: Path): readonly string[] {
  if (path.length === 0) return Object.keys(file.shape);
  if (path.at(-1) === 'engine') return Object.keys(engine.shape);
  return Object.keys(path[0] === 'swarm' ? swarm.shape : machine.shape);
}

function nameOfFile(path: string): string {
  return basename(path, extname(path));
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
  if (role === 'none' || given === undefined) return undefined;
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
    ...(given.mesh ? { isMesh: true } : {}),
    ...(part['mesh-public'] === undefined ? {} : { meshPublic: part['mesh-public'] }),
  };
}

/** Replaces `${NAME}` and `${NAME:-default}` in every text; `$$` is a dollar. */
function filled(
  value: unknown,
  path: Path,
  source: Source,
  env: Readonly<Record<string, string | undefined>>,
): unknown {
  if (Array.isArray(value)) return value.map((each, index) => filled(each, [...path, index], source, env));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, filled(each, [...path, key], source, env)]),
    );
  if (typeof value !== 'string') return value;
  return value.replace(/\$\$|\$\{(\w+)(?::-([^}]*))?\}/g, (whole, name?: string, fallback?: string) => {
    if (whole === '$$' || name === undefined) return '$';
    const found = env[name] || fallback;
    if (found === undefined) throw source.problem(path, `$${name} is not set in the environment`);
    return found;
  });
}
