import { memberText, removeMember, setMember } from '../common/json-edit.ts';
import { type ApiVersion, compareApi } from '../engine/api-version.ts';

/** Engines from this API on take several networks, and an address of the link layer for each, in one create. */
const MULTI_ENDPOINT_API: ApiVersion = '1.44';

interface NetworkedBody {
  readonly MacAddress?: unknown;
  readonly HostConfig?: { readonly NetworkMode?: unknown } | null;
  readonly NetworkingConfig?: {
    readonly EndpointsConfig?: Readonly<Record<string, { readonly MacAddress?: unknown } | null>> | null;
  } | null;
}

/** A `POST /networks/{network}/connect` to be made between create and start. */
export interface LaterConnect {
  readonly network: string;
  /** Body of the call but for its `Container`. */
  readonly endpointConfig: string;
}

/**
 * The text of a create body as an engine of version `engineApi` takes it. Older engines accept one network: the one of
 * the network mode, else the first, stays, the others are to be connected before the container starts. Newer ones get
 * the text as it is.
 */
export function splitNetworkingConfig(
  text: string,
  engineApi: ApiVersion,
): { readonly body: string; readonly connects: readonly LaterConnect[] } {
  if (compareApi(engineApi, MULTI_ENDPOINT_API) >= 0) return { body: withSafeMode(text), connects: [] };
  const whole = { body: text, connects: [] };
  const body = JSON.parse(text) as NetworkedBody;
  const names = Object.keys(body.NetworkingConfig?.EndpointsConfig ?? {});
  const mode = body.HostConfig?.NetworkMode;
  const first = names.find((name) => name === mode) ?? names[0];
  if (first === undefined) return whole;
  const rest = names.filter((name) => name !== first);
  const connects = rest.map((network) => ({
    network,
    endpointConfig: memberText(text, [...ENDPOINTS, network]) ?? 'null',
  }));
  const split = rest.reduce((shorter, name) => removeMember(shorter, [...ENDPOINTS, name]), text);
  // Before 1.44 the address of the link layer belongs to the container, not to an endpoint.
  const macAddress = body.NetworkingConfig?.EndpointsConfig?.[first]?.MacAddress;
  const hasOwn = typeof body.MacAddress === 'string' && body.MacAddress !== '';
  if (hasOwn || typeof macAddress !== 'string' || macAddress === '') return { body: split, connects };
  return { body: setMember(split, ['MacAddress'], JSON.stringify(macAddress)), connects };
}

/**
 * Engines of 26 and 28 attach several networks in random order, and look for the network of the network mode before it had
 * its turn: most starts with several cluster networks fail (404 "could not find a network matching network mode …"),
 * the engine's own restarts too. With the mode `bridge` they attach the same networks and look for none.
 */
function withSafeMode(text: string): string {
  const { HostConfig, NetworkingConfig, MacAddress } = JSON.parse(text) as NetworkedBody;
  const names = Object.keys(NetworkingConfig?.EndpointsConfig ?? {});
  // An address of the container's link layer belongs to the network of the mode: it must stay.
  const isRisky = names.length > 1 && names.includes(String(HostConfig?.NetworkMode)) && !MacAddress;
  return isRisky ? setMember(text, ['HostConfig', 'NetworkMode'], '"bridge"') : text;
}

const ENDPOINTS = ['NetworkingConfig', 'EndpointsConfig'] as const;
