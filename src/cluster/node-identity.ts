import type { EngineInfo } from '../engine/types.ts';
import { slotsOf } from '../scheduler/filters/container-slots.ts';
import type { NodeBuiltins } from '../scheduler/types.ts';

/** Who a node is: what its engine says of itself and does not change while it runs. */
export interface NodeIdentity {
  readonly id: string;
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly builtins: NodeBuiltins;
  readonly slots: number | undefined;
}

/** Until the engine was reached for the first time. */
export function unknownIdentity(entry: string): NodeIdentity {
  const builtins = { storagedriver: '', kernelversion: '', operatingsystem: '', ostype: '', architecture: '' };
  return { id: `entry:${entry}`, name: entry, labels: new Map(), builtins, slots: undefined };
}

/** `id` is the engine's own, or one that tells clones apart; `added` are labels that count before the engine's own. */
export function identityFrom(info: EngineInfo, id: string, added: Readonly<Record<string, string>> = {}): NodeIdentity {
  const labels = new Map([...engineLabels(info), ...Object.entries(added)]);
  return {
    id,
    name: info.Name,
    labels,
    builtins: {
      storagedriver: info.Driver ?? '',
      kernelversion: info.KernelVersion ?? '',
      operatingsystem: info.OperatingSystem ?? '',
      ostype: info.OSType ?? '',
      architecture: info.Architecture ?? '',
    },
    slots: slotsOf(labels),
  };
}

/** What `dockerd --label` gave an engine. */
export function engineLabels({ Labels }: Pick<EngineInfo, 'Labels'>): ReadonlyMap<string, string> {
  return new Map((Labels ?? []).map((label) => splitLabel(label)));
}

function splitLabel(label: string): [string, string] {
  const equals = label.indexOf('=');
  return equals < 0 ? [label, ''] : [label.slice(0, equals), label.slice(equals + 1)];
}
