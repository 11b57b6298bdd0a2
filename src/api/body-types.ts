import { BadRequestError } from '../common/errors.ts';
import { maybeFlag, maybeText } from '../engine/shapes/common.ts';
import { list, object, optional, record, type Shape } from '../engine/shapes/shape.ts';

/**
 * Types of the members of clients' bodies that the manager works with, or keeps before an engine sees them. Go decodes null as nothing
 * anywhere; the others are the engine's to judge.
 */

const map = optional(record(maybeText));

/** `POST /containers/create`: what is edited. */
export const CONTAINER_TYPES: Shape<object> = object({ Env: optional(list(maybeText)), Labels: map });

/** `POST /volumes/create`: a volume without node is listed as its body says. */
export const VOLUME_TYPES: Shape<object> = object({ Name: maybeText, Driver: maybeText, DriverOpts: map, Labels: map });

/** `POST /networks/create`. */
export const NETWORK_TYPES: Shape<object> = object({
  Driver: maybeText,
  Scope: maybeText,
  EnableIPv4: maybeFlag,
  EnableIPv6: maybeFlag,
  ConfigOnly: maybeFlag,
  ConfigFrom: optional(object({ Network: maybeText })),
  IPAM: optional(
    object({
      Driver: maybeText,
      Options: map,
      Config: optional(
        list(object({ Subnet: maybeText, IPRange: maybeText, Gateway: maybeText, AuxiliaryAddresses: map })),
      ),
    }),
  ),
  Options: map,
  Labels: map,
});

/** Throws 400 with the first member of another type. `what` begins the sentence: `create a volume`. */
export function requireTypes(value: unknown, types: Shape<object>, what: string): void {
  const wrong = types(value);
  if (wrong !== undefined)
    throw new BadRequestError(`${what}: ${wrong.startsWith('.') ? wrong.slice(1) : `the body${wrong}`}`, 'BAD_BODY');
}
