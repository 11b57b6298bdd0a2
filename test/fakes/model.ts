import { Node } from '../../src/cluster/node.ts';
import { EngineClient } from '../../src/engine/client.ts';
import type { Connector } from '../../src/engine/connectors/connector.ts';
import type { ContainerSummary, EngineInfo } from '../../src/engine/types.ts';

/** A connector that reaches nothing, for models whose engines are never called. */
export function nowhere(): Connector {
  return {
    address: 'tcp://nowhere:1',
    host: '10.0.0.9',
    connect: () => Promise.reject(new Error('there is no engine')),
    close: async () => undefined,
  };
}

/** A healthy node that was never connected; `id` and `name` as an engine would report them. */
export function modelNode(name: string, id: string = `id-of-${name}`): Node {
  const node = new Node(`${name}:2375`, new EngineClient(nowhere()), '10.0.0.9');
  node.setInfo(engineInfo(name, id), id, 0);
  node.setState('Healthy', '');
  return node;
}

export function engineInfo(name: string, id: string, more: Partial<EngineInfo> = {}): EngineInfo {
  return { ID: id, Name: name, NCPU: 2, MemTotal: 2 ** 31, ...more };
}

/** A list entry; `id` is filled up to 64 hexadecimal digits. */
export function containerSummary(id: string, more: Partial<ContainerSummary> = {}): ContainerSummary {
  const full = id.padEnd(64, '0');
  return {
    Id: full,
    Names: [`/c-${id}`],
    Image: 'busybox',
    ImageID: `sha256:${'a'.repeat(64)}`,
    Command: 'sleep 1',
    Created: 1_700_000_000,
    Ports: [],
    Labels: {},
    State: 'running',
    Status: 'Up 5 minutes',
    ...more,
  };
}
