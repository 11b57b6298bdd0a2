import { PREDEFINED } from '../cluster/network-names.ts';
import { BadRequestError, ClusterError } from '../common/errors.ts';
import type { IpamSummary } from '../engine/types.ts';

/** What a client's `POST /networks/create` asks for. */
export interface WantedNetwork {
  readonly Name?: unknown;
  readonly Driver?: unknown;
  readonly Scope?: unknown;
  readonly Ingress?: unknown;
  readonly EnableIPv4?: unknown;
  readonly EnableIPv6?: unknown;
  readonly ConfigOnly?: unknown;
  readonly ConfigFrom?: { readonly Network?: unknown } | null;
  readonly IPAM?: IpamSummary | null;
  readonly Options?: Readonly<Record<string, unknown>> | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** The client that asks for a network, as far as that tells what it means. */
export interface Asker {
  /** The client's `User-Agent`. */
  readonly userAgent: string;
  readonly isSubstrateOff: boolean;
}

/**
 * Whether a network that is to be created spans the cluster; else it lives on one node. It spans unless it asks for something that only a
 * network of one host has: its scope, another driver than `bridge`, options of a bridge, IPv6, an address management of
 * its own, or a node by constraints.
 */
export function spansNodes(wanted: WantedNetwork, asker: Asker): boolean {
  if (asksToSpan(wanted)) return true;
  if (wanted.Scope === 'local' || wanted.ConfigOnly === true || asker.isSubstrateOff) return false;
  if (namesDriver(wanted) && wanted.Driver !== 'bridge') return false;
  return !isOfOneHost(wanted) && !(isBridgeByName(wanted, asker) && hasConstraints(wanted));
}

/** Whether the client said that the network must span. */
function asksToSpan({ Scope, Driver }: WantedNetwork): boolean {
  return Scope === 'swarm' || Driver === 'overlay';
}

/** Whether a network has IPv6, which networks that span nodes cannot have: the overlay driver and swarm mode's allocator know IPv4 only. */
export function wantsIpv6({ EnableIPv4, EnableIPv6, IPAM }: WantedNetwork): boolean {
  return (
    EnableIPv6 === true || EnableIPv4 === false || (IPAM?.Config ?? []).some((each) => each?.Subnet?.includes(':'))
  );
}

/**
 * Whether the client itself chose `bridge`, and is to be shown it. The docker CLI fills it in when its user said nothing (its flag's
 * default), so from it `bridge` counts as nothing said; Compose, which may use the same client library, labels what it creates.
 */
export function isBridgeByName({ Driver, Labels }: WantedNetwork, { userAgent }: Asker): boolean {
  if (Driver !== 'bridge') return false;
  if (!userAgent.startsWith('Docker-Client/')) return true;
  return Object.keys(Labels ?? {}).some((key) => key.startsWith('com.docker.compose.'));
}

function namesDriver({ Driver }: WantedNetwork): boolean {
  return typeof Driver === 'string' && Driver !== '' && Driver !== 'default';
}

function isOfOneHost(wanted: WantedNetwork): boolean {
  if (wantsIpv6(wanted)) return true;
  const ipam = wanted.IPAM?.Driver;
  if (ipam !== undefined && ipam !== '' && ipam !== 'default') return true;
  return Object.keys(wanted.Options ?? {}).some((key) => key.startsWith('com.docker.network.bridge.'));
}

function hasConstraints({ Labels }: WantedNetwork): boolean {
  return Object.keys(Labels ?? {}).some((key) => PLACEMENT_LABELS.has(key));
}

const PLACEMENT_LABELS: ReadonlySet<string> = new Set(['com.docker.swarm.constraints', 'com.docker.swarm.affinities']);

/** The name of a network that clients may create; throws when it has none or they may not. */
export function nameOf({ Name, Ingress }: WantedNetwork): string {
  if (typeof Name !== 'string' || Name.trim() === '')
    throw new BadRequestError('invalid name: name is empty', 'NETWORK_WITHOUT_NAME');
  if (PREDEFINED.has(Name))
    throw new ClusterError(`operation is not permitted on predefined ${Name} network`, {
      code: 'PREDEFINED_NETWORK',
      status: 403,
    });
  if (Ingress === true)
    throw new BadRequestError('ingress networks serve swarm services, which this endpoint does not have', 'INGRESS');
  return Name;
}
