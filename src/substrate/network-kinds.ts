import type { NetworkSummary } from '../engine/types.ts';
import { isClusterNetworkId } from './attachments.ts';

/** The networks every engine has by itself, with their drivers. */
export const PREDEFINED: ReadonlyMap<string, string> = new Map([
  ['bridge', 'bridge'],
  ['host', 'host'],
  ['none', 'null'],
]);

/** Whether a listed network is one that every engine has. */
export function isPredefined({ Name, Driver, Scope }: NetworkSummary): boolean {
  return Scope === 'local' && PREDEFINED.get(Name) === Driver;
}

/** Whether a listed network belongs to the substrate itself: clients never see it. */
export function isSubstrateInternal({ Name, Driver, Scope, Ingress }: NetworkSummary): boolean {
  if (Ingress || (Name === 'ingress' && Scope === 'swarm')) return true;
  return Name === 'docker_gwbridge' && Driver === 'bridge';
}

/** Whether a listed network spans the cluster. */
export function isClusterScoped({ Scope, Id }: NetworkSummary): boolean {
  return Scope === 'swarm' && isClusterNetworkId(Id);
}

/**
 * Endpoints of no container, by their key in an inspection's `Containers`: those of the substrate's load balancing
 * (`lb-…`), which have no sandbox while they are made and removed (`ep-…`, as every endpoint without one).
 */
export function isInternalEndpoint(key: string): boolean {
  return key.startsWith('lb-') || key.startsWith('ep-');
}

/** What a client's `POST /networks/create` asks for. */
export interface WantedNetwork {
  readonly Name?: unknown;
  readonly Driver?: unknown;
  readonly Scope?: unknown;
  readonly Ingress?: unknown;
  readonly ConfigOnly?: unknown;
  readonly Options?: Readonly<Record<string, unknown>> | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** Who asks for a network, as far as that tells what it means. */
export interface Asker {
  /** The client's `User-Agent`. */
  readonly userAgent: string;
  readonly isSubstrateOff: boolean;
}

/**
 * Whether a network that is to be created spans the cluster or lives on one node. Without a driver it spans, unless its
 * options are those of a bridge or the substrate is switched off.
 */
export function placeOf(wanted: WantedNetwork, asker: Asker): 'cluster' | 'local' {
  if (wanted.Scope === 'swarm' || wanted.Driver === 'overlay') return 'cluster';
  if (namesDriver(wanted, asker) || wanted.Scope === 'local' || wanted.ConfigOnly === true) return 'local';
  if (asker.isSubstrateOff) return 'local';
  const isBridge = Object.keys(wanted.Options ?? {}).some((key) => key.startsWith('com.docker.network.bridge.'));
  return isBridge ? 'local' : 'cluster';
}

/**
 * Whether the client chose the driver. The docker CLI fills in `bridge` when its user said nothing (its flag's default),
 * so from it `bridge` counts as nothing said; Compose, which may use the same client library, labels what it creates.
 */
export function namesDriver({ Driver, Labels }: WantedNetwork, { userAgent }: Asker): boolean {
  if (typeof Driver !== 'string' || Driver === '' || Driver === 'default') return false;
  const isFlagDefault = Driver === 'bridge' && userAgent.startsWith('Docker-Client/');
  return !isFlagDefault || Object.keys(Labels ?? {}).some((key) => key.startsWith('com.docker.compose.'));
}
