import { isOneOff, SERVICE_LABEL } from '../common/compose-labels.ts';
import type { ContainerSpec } from './container-spec.ts';
import type { MoveTerms } from './record.ts';

interface HostConfig {
  readonly RestartPolicy?: { readonly Name?: unknown; readonly MaximumRetryCount?: unknown } | null;
  readonly AutoRemove?: unknown;
}

/** The terms of a container that is to be created. */
export function termsOf({ body, labels, placement }: ContainerSpec): MoveTerms {
  const { HostConfig } = body as { readonly HostConfig?: HostConfig | null };
  const oneOff = isOneOff(labels);
  return {
    ...(placement.reschedule === 'off' ? {} : { policy: placement.reschedule }),
    restart: restartOf(HostConfig?.RestartPolicy),
    ...(labels[SERVICE_LABEL] && !oneOff && { isOfService: true }),
    ...((HostConfig?.AutoRemove === true || oneOff) && { isTransient: true }),
    priority: 0,
  };
}

/** A restart policy as one word, see {@link MoveTerms.restart}. */
export function restartOf(policy: HostConfig['RestartPolicy']): string {
  const name = typeof policy?.Name === 'string' && policy.Name !== '' ? policy.Name : 'no';
  const times = policy?.MaximumRetryCount;
  return name === 'on-failure' && typeof times === 'number' && times > 0 ? `${name}:${times}` : name;
}
