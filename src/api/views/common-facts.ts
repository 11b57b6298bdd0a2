import type { Node } from '../../cluster/node.ts';
import type { EngineInfo } from '../../engine/types.ts';

/** What every engine says in words of itself; several values are listed. */
const WORDS = [
  'Driver',
  'LoggingDriver',
  'CgroupDriver',
  'CgroupVersion',
  'DefaultRuntime',
  'InitBinary',
  'DockerRootDir',
  'IndexServerAddress',
] as const;

/** Abilities: the cluster has those that every node has. */
const ABILITIES = [
  'MemoryLimit',
  'SwapLimit',
  'KernelMemoryTCP',
  'CpuCfsPeriod',
  'CpuCfsQuota',
  'CPUShares',
  'CPUSet',
  'PidsLimit',
  'IPv4Forwarding',
  'OomKillDisable',
  'LiveRestoreEnabled',
  'ExperimentalBuild',
] as const;

/**
 * The part of `GET /info` in which nodes may differ, as one engine would say it: what all healthy nodes have in common, or, where they
 * have nothing in common, the list of what there is. Gathered anew only when an engine said something else.
 */
export class CommonFacts {
  #infos: readonly EngineInfo[] = [];
  #facts: object | undefined;

  of(nodes: readonly Node[]): object {
    const infos = nodes.flatMap((node) => (node.isHealthy && node.info ? [node.info] : []));
    const isSame = infos.length === this.#infos.length && infos.every((info, i) => info === this.#infos[i]);
    if (!this.#facts || !isSame) this.#facts = gather(infos);
    this.#infos = infos;
    return this.#facts;
  }
}

function gather(infos: readonly EngineInfo[]): object {
  const words = WORDS.map((key) => [key, distinct(infos.map((info) => info[key] ?? '')).join(', ')]);
  const abilities = ABILITIES.map((key) => [key, infos.length > 0 && infos.every((info) => info[key] === true)]);
  return {
    ...Object.fromEntries(words),
    ...Object.fromEntries(abilities),
    DriverStatus: shared(infos.map(({ DriverStatus }) => (DriverStatus ?? []).map((row) => JSON.stringify(row)))).map(
      (row) => JSON.parse(row) as unknown,
    ),
    Runtimes: runtimes(infos),
    SecurityOptions: sharedOrAll(infos.map(({ SecurityOptions }) => SecurityOptions ?? [])),
    Plugins: {
      Volume: sharedOrAll(infos.map(({ Plugins }) => names(Plugins?.Volume))),
      Network: sharedOrAll(infos.map(({ Plugins }) => names(Plugins?.Network))),
      Authorization: null,
      Log: sharedOrAll(infos.map(({ Plugins }) => names(Plugins?.Log))),
    },
  };
}

/** Paths may differ: the first node's is shown. */
function runtimes(infos: readonly EngineInfo[]): object {
  const usable = sharedOrAll(infos.map(({ Runtimes }) => Object.keys(Runtimes ?? {})));
  const pathOf = (name: string): string | undefined => {
    for (const { Runtimes } of infos) {
      const path = Runtimes?.[name]?.path;
      if (path) return path;
    }
    return undefined;
  };
  return Object.fromEntries(usable.map((name) => [name, { path: pathOf(name) }]));
}

function names(list: readonly unknown[] | null | undefined): readonly string[] {
  return (list ?? []).filter((name) => typeof name === 'string');
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].filter((value) => value !== '').sort();
}

function sharedOrAll(lists: readonly (readonly string[])[]): string[] {
  const common = shared(lists);
  return common.length > 0 ? common : distinct(lists.flat());
}

/** What is in all lists, in the order of the first. */
function shared([first = [], ...others]: readonly (readonly string[])[]): string[] {
  const sets = others.map((list) => new Set(list));
  return first.filter((value) => sets.every((set) => set.has(value)));
}
