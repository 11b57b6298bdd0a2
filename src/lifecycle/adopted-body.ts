import { memberText, removeMember, setMember } from '../common/json-edit.ts';
import { isUserDefined } from '../scheduler/host-config.ts';
import { fieldsOf, stringsOf, textOf } from '../scheduler/json.ts';

/**
 * The body of a create that makes a container like an inspected one. Its members are the engine's text: numbers and what we do not know
 * stay as they are. What the engine derived from its own ID of the container is left out.
 */
export function createBodyOf(inspected: string, engineId: string): string {
  const config = memberText(inspected, ['Config']) ?? '{}';
  const hostConfig = memberText(inspected, ['HostConfig']) ?? '{}';
  let body = setMember(config, ['HostConfig'], hostConfig);
  const { Hostname } = fieldsOf(JSON.parse(config));
  if (Hostname === engineId.slice(0, 12)) body = removeMember(body, ['Hostname']);
  const { NetworkSettings } = JSON.parse(inspected) as { readonly NetworkSettings?: unknown };
  const endpoints = endpointsOf(fieldsOf(NetworkSettings).Networks, engineId);
  if (Object.keys(endpoints).length === 0) return body;
  return setMember(body, ['NetworkingConfig'], JSON.stringify({ EndpointsConfig: endpoints }));
}

/** What clients said of each network of the container's own; addresses that the engine chose are not theirs. */
function endpointsOf(networks: unknown, engineId: string): Readonly<Record<string, object>> {
  const named = Object.entries(fieldsOf(networks)).filter(([name]) => isUserDefined(name));
  return Object.fromEntries(
    named.map(([name, endpoint]) => {
      const { EndpointID, IPAMConfig, Links, Aliases, DriverOpts } = fieldsOf(endpoint);
      const aliases = stringsOf(Aliases).filter((alias) => alias !== engineId.slice(0, 12));
      const { IPv4Address } = fieldsOf(IPAMConfig);
      return [
        name,
        {
          // Of an endpoint that is up the address may be the swarm's choice, see `networks/connections.ts`.
          ...(!EndpointID && textOf(IPv4Address) !== '' && { IPAMConfig }),
          ...(Array.isArray(Links) && Links.length > 0 && { Links }),
          ...(aliases.length > 0 && { Aliases: aliases }),
          ...(typeof DriverOpts === 'object' && DriverOpts !== null && { DriverOpts }),
        },
      ];
    }),
  );
}
