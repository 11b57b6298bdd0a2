import { IDENTITY_LABEL } from '../cluster/listed-container.ts';
import { MOVE_LABEL } from '../cluster/moves.ts';
import { canonicalJson, isPlainlyCanonical, type Shape } from '../common/go-json.ts';
import { removeMember } from '../common/json-edit.ts';
import { ATTEMPT_LABEL, ROLE_LABEL } from '../common/labels.ts';
import { readJson } from './body.ts';
import { CREATE_BODY, HOST_CONFIG_NAMES } from './body-shapes.ts';
import { CONTAINER_TYPES, requireTypes } from './body-types.ts';
import type { Call } from './call.ts';
import { requireJson } from './content-type.ts';

/** A JSON body, as text to be edited and passed on, and parsed. */
export interface JsonBody {
  readonly text: string;
  /** Undefined when the body is empty. */
  readonly value: unknown;
}

/**
 * Reads a JSON body that we understand or edit before an engine gets it, every member once and under its own name: what we read
 * is what the engine will read, whatever case and however often the client wrote it.
 */
export async function readCanonical(call: Call, shape: Shape): Promise<JsonBody> {
  requireJson(call.req);
  const body = await readJson(call);
  if (body.value === undefined || isPlainlyCanonical(body.text, body.value, shape)) return body;
  return edited(body, canonicalJson(body.text, shape));
}

/**
 * Reads the body of a create. What a client must not say is taken out: another container's identity, that the container is one of
 * the swarm's own (which are not listed by default and do not count), and members of a HostConfig at the top, which some engines
 * would take and others ignore. Throws 400 for labels and an environment that cannot be edited.
 */
export async function readCreate(call: Call): Promise<JsonBody> {
  const body = await readCanonical(call, CREATE_BODY);
  if (!isObject(body.value)) return body;
  requireTypes(body.value, CONTAINER_TYPES, 'create a container');
  const stray = Object.keys(body.value).filter((name) => HOST_CONFIG_NAMES.has(name) || name === 'Cpuset');
  const text = stray.reduce((shorter, name) => removeMember(shorter, [name]), body.text);
  return withoutLabel(withoutIdentity(edited(body, text)), ROLE_LABEL);
}

/**
 * A body with `Labels` as it came but for those that say who a container is: tools that make a container anew from
 * its inspection send them along, and they never are a client's to give.
 */
export function withoutIdentity(body: JsonBody): JsonBody {
  return [IDENTITY_LABEL, MOVE_LABEL, ATTEMPT_LABEL].reduce(withoutLabel, body);
}

function withoutLabel(body: JsonBody, label: string): JsonBody {
  const { Labels } = (body.value ?? {}) as { readonly Labels?: unknown };
  if (!isObject(Labels) || !Object.hasOwn(Labels, label)) return body;
  return edited(body, removeMember(body.text, ['Labels', label]));
}

function edited(body: JsonBody, text: string): JsonBody {
  return text === body.text ? body : { text, value: JSON.parse(text) };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
