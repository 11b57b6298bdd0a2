import { memberText, removeMember, setMember } from '../common/json-edit.ts';
import { ASKED_MODE_LABEL } from '../common/labels.ts';
import { type ApiVersion, compareApi } from '../engine/api-version.ts';
import { assertAddressIn, type EndpointAddresses } from './endpoint-address.ts';
import type { KnownNetwork } from './known-network.ts';

/** Engines from this API on take several networks, and an address of the link layer for each, in one create. */
const MULTI_ENDPOINT_API: ApiVersion = '1.44';

interface NetworkedBody {
  readonly MacAddress?: unknown;
  readonly Labels?: Readonly<Record<string, unknown>> | null;
  readonly HostConfig?: { readonly NetworkMode?: unknown } | null;
  readonly NetworkingConfig?: {
    readonly EndpointsConfig?: Readonly<Record<string, EndpointConfig | null>> | null;
  } | null;
}

interface EndpointConfig {
  readonly EndpointID?: unknown;
  readonly MacAddress?: unknown;
  readonly IPAMConfig?: EndpointAddresses | null;
}

/** A create body, as text and parsed: parsed again only where it changed. */
interface Body {
  readonly text: string;
  readonly value: NetworkedBody;
}

function bodyOf(text: string): Body {
  return { text, value: JSON.parse(text) as NetworkedBody };
}

function edited(body: Body, text: string): Body {
  return text === body.text ? body : bodyOf(text);
}

/** A `POST /networks/{network}/connect` to be made between create and start. */
export interface LaterConnect {
  readonly network: string;
  /** Body of the call but for its `Container`. */
  readonly endpointConfig: string;
}

/** The cluster's networks, and what the chosen engine calls them. */
export interface EngineNetworks<N> {
  find(reference: string): KnownNetwork<N> | undefined;
  referenceOn(network: KnownNetwork<N>): string;
}

/**
 * The text of a create body as an engine of version `engineApi` takes it: networks by the names it knows, several of them only if it
 * takes several. The network mode that was asked for is remembered in a label where the engine's must be another one.
 */
export function engineNetworking<N>(
  text: string,
  engineApi: ApiVersion,
  networks: EngineNetworks<N>,
): { readonly body: string; readonly connects: readonly LaterConnect[] } {
  const asked = bodyOf(text);
  const { HostConfig, Labels, NetworkingConfig } = asked.value;
  for (const [name, endpoint] of Object.entries(NetworkingConfig?.EndpointsConfig ?? {})) {
    const network = networks.find(name);
    if (network) assertAddressIn(network, endpoint?.IPAMConfig);
  }
  const named = withEngineNames(withoutEndpointIds(asked), networks);
  const isSplit = compareApi(engineApi, MULTI_ENDPOINT_API) < 0;
  const { body, connects } = isSplit ? split(named) : { body: withSafeMode(named, networks), connects: [] };
  return { body: withAskedMode(body, HostConfig?.NetworkMode, Labels?.[ASKED_MODE_LABEL], networks), connects };
}

/**
 * A client that re-creates a container from its inspection hands over the ID of the old one's endpoint; an engine keeps it until the start,
 * and the new container would be taken for one that is attached, with an address that no client chose (`chosenAddress`).
 */
function withoutEndpointIds(body: Body): Body {
  const text = Object.entries(body.value.NetworkingConfig?.EndpointsConfig ?? {}).reduce(
    (shorter, [name, endpoint]) =>
      endpoint?.EndpointID ? removeMember(shorter, [...ENDPOINTS, name, 'EndpointID']) : shorter,
    body.text,
  );
  return edited(body, text);
}

/** Older engines accept one network: the one of the network mode, else the first, stays, the others are to be connected before the start. */
function split(body: Body): { readonly body: Body; readonly connects: readonly LaterConnect[] } {
  const { text } = body;
  const { HostConfig, MacAddress, NetworkingConfig } = body.value;
  const names = Object.keys(NetworkingConfig?.EndpointsConfig ?? {});
  const mode = HostConfig?.NetworkMode;
  const first = names.find((name) => name === mode) ?? names[0];
  if (first === undefined) return { body, connects: [] };
  const rest = names.filter((name) => name !== first);
  const connects = rest.map((network) => ({
    network,
    endpointConfig: memberText(text, [...ENDPOINTS, network]) ?? 'null',
  }));
  const shorter = rest.reduce((left, name) => removeMember(left, [...ENDPOINTS, name]), text);
  // Before 1.44 the address of the link layer belongs to the container, not to an endpoint.
  const macAddress = NetworkingConfig?.EndpointsConfig?.[first]?.MacAddress;
  const hasOwn = typeof MacAddress === 'string' && MacAddress !== '';
  const isMoved = !hasOwn && typeof macAddress === 'string' && macAddress !== '';
  const moved = isMoved ? setMember(shorter, ['MacAddress'], JSON.stringify(macAddress)) : shorter;
  return { body: edited(body, moved), connects };
}

/** Cluster networks by the name that engines know, whatever the client called them; predefined ones by name, as each engine has its own ID. */
function withEngineNames<N>(body: Body, networks: EngineNetworks<N>): Body {
  const { HostConfig, NetworkingConfig } = body.value;
  const engineName = (reference: string): string => {
    const network = networks.find(reference);
    return network && network.kind !== 'local' ? networks.referenceOn(network) : reference;
  };
  let { text } = body;
  const mode = HostConfig?.NetworkMode;
  if (typeof mode === 'string' && mode !== '' && engineName(mode) !== mode)
    text = setMember(text, MODE, JSON.stringify(engineName(mode)));
  const names = Object.keys(NetworkingConfig?.EndpointsConfig ?? {});
  if (names.every((name) => engineName(name) === name)) return edited(body, text);
  const members = names.map(
    (name) => `${JSON.stringify(engineName(name))}:${memberText(body.text, [...ENDPOINTS, name]) ?? 'null'}`,
  );
  return edited(body, setMember(text, ENDPOINTS, `{${members.join(',')}}`));
}

/**
 * Engines of 26 and 28 attach several networks in random order, and look for the network of the network mode before it had
 * its turn: most starts fail if that is a cluster network (404 "could not find a network matching network mode …"), the engine's
 * own restarts too. With the mode `bridge` they attach the same networks and look for none. Networks of the node itself they find.
 */
function withSafeMode<N>(body: Body, networks: EngineNetworks<N>): Body {
  const { HostConfig, NetworkingConfig, MacAddress } = body.value;
  const names = Object.keys(NetworkingConfig?.EndpointsConfig ?? {});
  const mode = String(HostConfig?.NetworkMode);
  // An address of the container's link layer belongs to the network of the mode: it must stay.
  const isRisky = names.length > 1 && names.includes(mode) && !MacAddress && networks.find(mode)?.kind === 'cluster';
  return isRisky ? edited(body, setMember(body.text, MODE, '"bridge"')) : body;
}

/** Remembers the asked network mode, unless clients are shown that one anyway. What a client itself says there does not count. */
function withAskedMode<N>({ text, value }: Body, asked: unknown, label: unknown, networks: EngineNetworks<N>): string {
  const mode = value.HostConfig?.NetworkMode;
  const shown = typeof mode === 'string' && mode !== '' ? (networks.find(mode)?.name ?? mode) : asked;
  if (typeof asked === 'string' && asked !== shown)
    return setMember(text, ['Labels', ASKED_MODE_LABEL], JSON.stringify(asked));
  return label ? removeMember(text, ['Labels', ASKED_MODE_LABEL]) : text;
}

const ENDPOINTS = ['NetworkingConfig', 'EndpointsConfig'] as const;
const MODE = ['HostConfig', 'NetworkMode'] as const;
