/** Labels that Compose puts on the containers of services. */
export const PROJECT_LABEL = 'com.docker.compose.project';
export const SERVICE_LABEL = 'com.docker.compose.service';
/** Which replica of its service a container is. */
export const NUMBER_LABEL = 'com.docker.compose.container-number';
const ONE_OFF_LABEL = 'com.docker.compose.oneoff';

/** Whether a container was made by `docker compose run`, which numbers without regard to the service's replicas. */
export function isOneOff(labels: Readonly<Record<string, unknown>>): boolean {
  return /^true$/i.test(String(labels[ONE_OFF_LABEL] ?? ''));
}
