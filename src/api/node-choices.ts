import { AVAILABILITIES, type NodeChoices } from '../cluster/node-settings.ts';
import { BadRequestError, ClusterError } from '../common/errors.ts';
import type { Availability } from '../scheduler/types.ts';

/** Labels of a node at most, and the characters of a key and of a value. */
const MOST_LABELS = 128;
const MAX_KEY_CHARS = 256;
const MAX_VALUE_CHARS = 1_024;

/**
 * What the body of an update (`swarm.NodeSpec`) says of a node called `name`. Throws 400 for what cannot be read, and 501 for another role, which is not offered.
 */
export function readNodeChoices(value: unknown, name: string): NodeChoices {
  if (!isObject(value)) throw new BadRequestError('update a node: the body must be a JSON object', 'BAD_BODY');
  const { Name, Labels, Role, Availability } = value;
  if (Name !== undefined && Name !== '' && Name !== name)
    throw new BadRequestError(
      `node ${name} cannot be called ${String(Name)}: a node's name is its engine's host name`,
      'NODE_NAME',
    );
  refuseRole(Role, name);
  return { labels: readLabels(Labels), availability: readAvailability(Availability) };
}

function refuseRole(role: unknown, name: string): void {
  if (role === undefined || role === '' || role === 'worker') return;
  if (role !== 'manager') throw new BadRequestError(`invalid role "${String(role)}"`, 'BAD_ROLE');
  throw new ClusterError(
    `node ${name} cannot be promoted: nodes have no roles here, because 'enxame manage' manages the cluster and no engine does`,
    { code: 'NO_ROLES', status: 501 },
  );
}

function readAvailability(availability: unknown): Availability {
  const known = AVAILABILITIES.find((each) => each === availability);
  if (known) return known;
  throw new BadRequestError(
    `invalid availability "${String(availability ?? '')}": use active, pause or drain`,
    'BAD_AVAILABILITY',
  );
}

function readLabels(labels: unknown): Readonly<Record<string, string>> {
  if (labels === undefined || labels === null) return {};
  if (!isObject(labels)) throw new BadRequestError('Labels of a node must be a JSON object of texts', 'BAD_LABELS');
  const entries = Object.entries(labels);
  if (entries.length > MOST_LABELS)
    throw new BadRequestError(`a node may have ${MOST_LABELS} labels, not ${entries.length}`, 'BAD_LABELS');
  for (const [key, value] of entries) checkLabel(key, value);
  return labels as Record<string, string>;
}

function checkLabel(key: string, value: unknown): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: labels are shown on terminals.
  const isKey = /^[^\s=,\u0000-\u001f\u007f]+$/u.test(key) && key.length <= MAX_KEY_CHARS;
  if (!isKey)
    throw new BadRequestError(
      `${JSON.stringify(key.slice(0, 80))} is no key of a label: use up to ${MAX_KEY_CHARS} characters without spaces, = and ,`,
      'BAD_LABELS',
    );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
  const isValue = typeof value === 'string' && value.length <= MAX_VALUE_CHARS && !/[\u0000-\u001f\u007f]/.test(value);
  if (!isValue)
    throw new BadRequestError(
      `the value of label ${key} must be a text of up to ${MAX_VALUE_CHARS} characters without control characters`,
      'BAD_LABELS',
    );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
