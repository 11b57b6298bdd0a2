import { isOneOff, PROJECT_LABEL, SERVICE_LABEL } from '../common/compose-labels.ts';
import { textOf } from './json.ts';

/** The label that says which group a container is in; empty keeps it out of its Compose service's. */
export const GROUP_LABEL = 'io.enxame.group';

/**
 * The group whose members stand in for each other, and so are spread: what {@link GROUP_LABEL} says, else a Compose project's
 * service. Undefined for a container that is in none, such as one of `docker compose run`.
 *
 * @param labels a container's; values that are no text count as empty
 */
export function groupOf(labels: Readonly<Record<string, unknown>>): string | undefined {
  if (labels[GROUP_LABEL] !== undefined) {
    const name = textOf(labels[GROUP_LABEL]);
    return name === '' ? undefined : `group\0${name}`;
  }
  const project = textOf(labels[PROJECT_LABEL]);
  const service = textOf(labels[SERVICE_LABEL]);
  return project === '' || service === '' || isOneOff(labels) ? undefined : `compose\0${project}\0${service}`;
}
