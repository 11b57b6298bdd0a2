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

/** `id` is the engine's own, or one that tells clones apart. */
export function identityFrom(info: EngineInfo, id: string): NodeIdentity {
  const labels = new Map((info.Labels ?? []).map((label) => splitLabel(label)));
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

function splitLabel(label: string): [string, string] {
  const equals = label.indexOf('=');
  return equals < 0 ? [label, ''] : [label.slice(0, equals), label.slice(equals + 1)];
}
