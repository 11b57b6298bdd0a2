import { isOneOff, SERVICE_LABEL } from '../common/compose-labels.ts';
import { fieldsOf } from '../scheduler/json.ts';
import type { ReschedulePolicy } from '../scheduler/types.ts';
import { boundByBody } from './bindings.ts';
import type { MoveTerms } from './move-terms.ts';
import { readTermLabels } from './term-labels.ts';

/** What the terms of a container are read from: a create body, or what an engine says of a container. */
export interface TermsSource {
  readonly hostConfig: unknown;
  readonly labels: Readonly<Record<string, string>>;
  /** The directive `reschedule:`; undefined without one. */
  readonly policy: ReschedulePolicy | undefined;
}

/** The terms that a container's body and labels say. Throws 400 for a label of ours with a value that it does not have. */
export function readTerms({ hostConfig, labels, policy }: TermsSource): MoveTerms {
  const { AutoRemove, RestartPolicy } = fieldsOf(hostConfig);
  const oneOff = isOneOff(labels);
  const boundBy = boundByBody(hostConfig);
  return {
    ...(policy && { policy }),
    restart: restartOf(RestartPolicy),
    ...(labels[SERVICE_LABEL] && !oneOff && { isOfService: true }),
    ...((AutoRemove === true || oneOff) && { isTransient: true }),
    ...(boundBy !== undefined && { boundBy }),
    ...readTermLabels(labels),
  };
}

/** Terms that mean nothing beside others, in words for the client. */
export function uselessTerms(
  { isTransient, policy, isStrict, keepsOld, restart, isOfService }: MoveTerms,
  labels: TermsSource['labels'],
): readonly string[] {
  // What `docker compose run` makes has its policy from the service.
  const isPointless = isTransient && !isOneOff(labels) && policy !== undefined && policy !== 'off';
  const isIdle = policy === 'auto' && !isTransient && restart === 'no' && !isOfService;
  return [
    ...(isIdle
      ? ["reschedule policy 'auto' moves nothing without a restart policy: give one, or say on-node-failure"]
      : []),
    ...(isPointless ? [`reschedule policy '${policy}' means nothing: a container with --rm is never made anew`] : []),
    ...(isStrict && keepsOld
      ? ['label io.enxame.return=keep-old means nothing: an old copy of a strict container is always ended']
      : []),
    ...(isStrict && labels['io.enxame.move'] === 'start-first'
      ? ['label io.enxame.move=start-first means nothing: a strict container is stopped before it moves']
      : []),
  ];
}

/** What a container must stay with its node for beside what its body says: facts of the node it was placed on. */
export interface NodeTies {
  /** Its named volumes that live on one node. */
  readonly localVolumes: readonly string[];
  /** Its networks that are one node's. */
  readonly localNetworks: readonly string[];
}

/** The terms of a container with what ties it to the node it is on. */
export function tied(asked: MoveTerms, { localVolumes, localNetworks }: NodeTies): MoveTerms {
  const reasons = [...localVolumes.map((name) => `volume "${name}"`), ...(asked.boundBy ? [asked.boundBy] : [])];
  return {
    ...asked,
    ...(reasons.length > 0 && { boundBy: reasons.join(', ') }),
    ...(localNetworks.length > 0 && { localNetworks }),
  };
}

/** The terms after `POST /containers/{id}/update` with a body. */
export function updated(before: MoveTerms, body: unknown): MoveTerms {
  const { RestartPolicy } = fieldsOf(body);
  const { Name } = fieldsOf(RestartPolicy);
  return typeof Name === 'string' && Name !== '' ? { ...before, restart: restartOf(RestartPolicy) } : before;
}

/** A restart policy as one word, see {@link MoveTerms.restart}. */
function restartOf(policy: unknown): string {
  const { Name, MaximumRetryCount: times } = fieldsOf(policy);
  const name = typeof Name === 'string' && Name !== '' ? Name : 'no';
  return name === 'on-failure' && typeof times === 'number' && times > 0 ? `${name}:${times}` : name;
}

/** The terms of a container that is on one more network of its node alone. */
export function joined(before: MoveTerms, network: string): MoveTerms {
  return { ...before, localNetworks: [...new Set([...(before.localNetworks ?? []), network])] };
}

/** The terms of a container that has left a network. */
export function left({ localNetworks = [], ...before }: MoveTerms, network: string): MoveTerms {
  const others = localNetworks.filter((each) => each !== network);
  return others.length === 0 ? before : { ...before, localNetworks: others };
}
