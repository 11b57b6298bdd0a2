#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { reasonOf, UsageError } from '../common/errors.ts';
import { generations } from '../namespaces/generations.ts';
import { removeRun } from '../namespaces/removal.ts';
import { type Generation, type Lab, type NodeOptions, runNames, startLab, sweepLeftovers } from './lab.ts';

const usage = `Real Docker engines on this machine, each on a host of its own (root needed).

  main.js up [--nodes 3] [--generation 20.10[,26.1,28.5]] [--plain] [--name NAME]
  main.js ls
  main.js down [NAME...]     all labs that "up" made, without a name
  main.js sweep              what killed processes left behind
`;

const FLAGS = {
  nodes: { type: 'string', default: '3' },
  generation: { type: 'string', default: '20.10' },
  plain: { type: 'boolean', default: false },
  name: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

async function main(args: string[]): Promise<void> {
  const { values, positionals } = readFlags(args);
  const [command, ...names] = positionals;
  if (values.help) return print([usage]);
  if (command === 'up') return await up(values);
  if (command === 'down') return await down(values.name === undefined ? names : [...names, values.name]);
  if (command === 'ls') return print(await runNames());
  if (command === 'sweep') return print(await sweepLeftovers());
  throw new UsageError(usage);
}

function readFlags(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: FLAGS });
  } catch (error) {
    throw new UsageError(`lab: ${reasonOf(error)}\n\n${usage}`);
  }
}

async function up(options: {
  nodes: string;
  generation: string;
  plain: boolean;
  name?: string | undefined;
}): Promise<void> {
  const lab = await startLab({
    nodes: nodeOptions(Number(options.nodes), options.generation.split(',')),
    tls: !options.plain,
    keep: true,
    onProgress: (line) => print([line]),
    ...(options.name === undefined ? {} : { name: options.name }),
  });
  print(description(lab));
}

function nodeOptions(count: number, names: readonly string[]): NodeOptions[] {
  const chosen = names.map((name) => generations.find((generation) => generation === name));
  if (!Number.isInteger(count) || count < 1 || chosen.includes(undefined)) throw new UsageError(usage);
  return Array.from({ length: count }, (_, index) => {
    const generation: Generation = chosen[index % chosen.length] ?? '20.10';
    return { name: `node-${index + 1}`, generation, labels: { generation } };
  });
}

function description(lab: Lab): string[] {
  return [
    '',
    `lab ${lab.name}: this machine is ${lab.bridgeAddress} in ${lab.subnet}`,
    ...lab.nodes.map((node) => `  ${node.name}  tcp://${node.endpoint}  unix://${node.socketPath}`),
    '',
    ...Object.entries(lab.dockerEnv(lab.nodes[0]?.endpoint)).map(([key, value]) => `export ${key}=${value}`),
  ];
}

async function down(names: readonly string[]): Promise<void> {
  const known = await runNames();
  for (const name of names) if (!known.includes(name)) throw new UsageError(`no lab "${name}": see "main.js ls"`);
  for (const name of names.length > 0 ? names : await runNames('kept')) await removeRun(name);
}

function print(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof UsageError ? error.message : `lab: ${reasonOf(error)}`}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
