import { type ContainerSeed, hexId } from './container.ts';
import { type EngineProfile, uuidOf } from './engine-state.ts';

/** How many nodes and containers a fleet has. Everything in it follows from these numbers: two fleets of a size are equal. */
export interface Population {
  readonly nodes: number;
  /** Containers per node. */
  readonly containers: number;
  /** Their labels say when they may move, so that a manager records them. */
  readonly isRecorded?: boolean;
}

/** One container in {@link RARE_EVERY} has this label. */
export const RARE_LABEL = 'bench.rare';
export const RARE_EVERY = 100;
/** Classic swarm's label for the policy of a container. */
const POLICY_LABEL = 'com.docker.swarm.reschedule-policies';
/** One container in this many has exited. */
const EXITED_EVERY = 15;
const DAY_MS = 86_400_000;

export const FLEET_IMAGES = ['redis:7', 'nginx:1.27', 'postgres:16', 'shop/web:4.2.1', 'shop/worker:4.2.1'] as const;
export const FLEET_NETWORKS = ['shop_default', 'shop_back'] as const;
export const FLEET_VOLUMES = ['shop_data', 'shop_cache'] as const;

/** The engine of a node, counted from 0. */
export function profileOf(node: number): Partial<EngineProfile> {
  return {
    id: uuidOf(`fleet/${node}`),
    name: nodeName(node),
    cpus: 16,
    memoryBytes: 64 * 2 ** 30,
    labels: [`zone=z${node % 3}`, `rack=r${node % 20}`, `storage=${node % 4 === 0 ? 'ssd' : 'disk'}`],
  };
}

export function nodeName(node: number): string {
  return `node-${String(node).padStart(5, '0')}`;
}

export function containerName(node: number, index: number): string {
  return `shop-web-${node}-${index}`;
}

export function containerId(node: number, index: number): string {
  return hexId(`fleet/${node}/${index}`);
}

/** A preloaded container, the way Compose labels them. @param now milliseconds since the epoch */
export function seedOf(population: Population, node: number, index: number, now: number): ContainerSeed {
  const overall = node * population.containers + index;
  const name = containerName(node, index);
  return {
    id: containerId(node, index),
    name,
    image: FLEET_IMAGES[overall % FLEET_IMAGES.length] ?? FLEET_IMAGES[0],
    createdAt: now - (overall % 30) * DAY_MS - 3_600_000,
    state: index % EXITED_EVERY === EXITED_EVERY - 1 ? 'exited' : 'running',
    ports: index % 3 === 0 ? [{ privatePort: 8080, publicPort: 20_000 + index }] : [],
    // A network of one name on every node is ambiguous, and what is on it is not recorded.
    networks: population.isRecorded ? [] : [FLEET_NETWORKS[0]],
    labels: {
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': `web-${index}`,
      'com.docker.compose.container-number': String(node),
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.version': '2.40.3',
      ...(population.isRecorded ? { [POLICY_LABEL]: '["on-node-failure"]' } : {}),
      ...(overall % RARE_EVERY === 7 ? { [RARE_LABEL]: 'yes' } : {}),
    },
  };
}

/** Loopback address of a node: each has its own, so that a node is known by its IP as on a real network. */
export function hostOf(node: number): string {
  return `127.${40 + Math.floor(node / 62_500)}.${Math.floor(node / 250) % 250}.${(node % 250) + 1}`;
}
