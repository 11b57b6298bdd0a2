import type { ContainerSummary } from '../engine/types.ts';
import { stringsOf } from '../scheduler/json.ts';
import { parseSpec } from './container-spec.ts';
import type { ContainerRecord, RecordBody, Wanted } from './record.ts';

/**
 * A container as its engine would list it, as far as its record and body say, for one whose engine was not heard of it. Without a
 * body, or with one that cannot be read, the record's part.
 */
export function summaryOf(
  record: ContainerRecord,
  engineId: string,
  body: RecordBody | undefined,
  nowMs: number,
): ContainerSummary {
  const createdMs = record.arrived?.atMs ?? body?.createdMs ?? nowMs;
  return {
    Id: engineId,
    Names: [`/${record.name || engineId.slice(0, 12)}`],
    Created: Math.floor(createdMs / 1_000),
    State: record.ended ? 'exited' : STATES[record.wanted],
    Status: '',
    Ports: [],
    ...(body ? bodyPart(body) : NO_BODY),
  };
}

const STATES: Readonly<Record<Wanted, string>> = {
  created: 'created',
  running: 'running',
  paused: 'paused',
  stopped: 'exited',
};

type BodyPart = Omit<ContainerSummary, 'Id' | 'Names' | 'Created' | 'State' | 'Status' | 'Ports'>;

const NO_BODY: BodyPart = { Image: '', ImageID: '', Labels: {} };

function bodyPart({ source, image, amendments }: RecordBody): BodyPart {
  try {
    const body: unknown = JSON.parse(source.text);
    const { image: reference, labels, volumes, networks } = parseSpec(source, body);
    const { Entrypoint, Cmd, HostConfig } = body as {
      readonly Entrypoint?: unknown;
      readonly Cmd?: unknown;
      readonly HostConfig?: { readonly NetworkMode?: unknown } | null;
    };
    const mode = HostConfig?.NetworkMode;
    const connected = new Set(networks);
    for (const { kind, ...each } of amendments)
      if ('network' in each) connected[kind === 'connect' ? 'add' : 'delete'](each.network);
    return {
      Image: reference,
      ImageID: image?.id ?? '',
      Command: [...wordsOf(Entrypoint), ...wordsOf(Cmd)].join(' '),
      Labels: labels,
      HostConfig: typeof mode === 'string' ? { NetworkMode: mode } : {},
      NetworkSettings: { Networks: Object.fromEntries([...connected].map((network) => [network, {}])) },
      Mounts: volumes.map((Name) => ({ Type: 'volume', Name })),
    };
  } catch {
    return NO_BODY;
  }
}

/** Engines take a command as a list or as one text. */
function wordsOf(command: unknown): readonly string[] {
  return typeof command === 'string' ? [command] : stringsOf(command);
}
