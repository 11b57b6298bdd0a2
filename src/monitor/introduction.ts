import type { Node } from '../cluster/node.ts';
import { engineFacts, SiteRefusedError, siteFacts, siteProblem } from '../cluster/site.ts';
import { EngineError, reasonOf } from '../common/errors.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';
import { type ApiVersion, OLDEST_API, parseApiVersion } from '../engine/api-version.ts';
import type { Shape } from '../engine/shapes/shape.ts';
import type { EngineInfo, EngineVersion } from '../engine/types.ts';

/** An engine that is being connected must answer each call within this, in milliseconds. */
export const CONNECT_CALL_MS = 10_000;
/**
 * What an engine says of itself. One that manages a swarm whose leader it does not reach asks for 20 s before it answers (moby
 * `daemon/cluster/cluster.go`, `swarmRequestTimeout`), as after a crash of most substrate managers; it runs containers all the same.
 */
const INFO_CALL_MS = 30_000;
/** What an engine says of itself has some 20 KiB. */
const MAX_FACTS_BYTES = 1024 * 1024;
/** What managers of clusters say that they are, see `api/routes/system.ts`. */
const MANAGER_PLATFORM = 'Enxame';

/** What answers at a node's address. */
export interface Introduced {
  /** The newest API version that it speaks. */
  readonly api: ApiVersion;
  /** It is the manager of another cluster. */
  readonly isSite: boolean;
}

/** Asks a node which API versions it speaks, and has its client use the newest one that both know. Rejects for what is no Docker engine. */
export async function introduce(node: Node): Promise<Introduced> {
  const version = await askVersion(node);
  const api = parseApiVersion(version.ApiVersion);
  if (!api) throw new EngineError(`${node.entry} answers, but not as a Docker engine (no API version)`);
  node.client.negotiate(parseApiVersion(version.MinAPIVersion) ?? OLDEST_API, api);
  return { api, isSite: version.Platform?.Name === MANAGER_PLATFORM };
}

/** What an engine says of itself. */
export async function askEngineInfo(node: Node): Promise<EngineInfo> {
  return engineFacts(await askInfo(node));
}

/** What the manager of another cluster says of itself. Rejects when it cannot be a node of the cluster `ownId`, which it may have been until now (`wasTaken`). */
export async function askSiteInfo(node: Node, ownId: string, wasTaken: boolean): Promise<EngineInfo> {
  const info = await askInfo(node);
  try {
    const facts = siteFacts(info, { entry: node.entry, ownId, wasTaken });
    const problem = siteProblem(facts);
    if (problem !== undefined) throw new EngineError(problem, 'SITE_DOWN');
    return facts;
  } catch (error) {
    if (error instanceof SiteRefusedError) node.refuseSite();
    throw error;
  }
}

function askInfo(node: Node): Promise<EngineInfo> {
  return askFacts(node, '/info', ANSWERS.info, { timeoutMs: INFO_CALL_MS });
}

async function askVersion(node: Node): Promise<EngineVersion> {
  try {
    return await askFacts(node, '/version', ANSWERS.version, { isUnversioned: true });
  } catch (error) {
    // What Go's server says in plain HTTP on a TLS port.
    if (!reasonOf(error).includes('HTTP request to an HTTPS server')) throw error;
    throw new EngineError(
      `${node.entry} wants TLS: give --tlscacert, --tlscert and --tlskey, and no tcp:// in front of it`,
      'ENGINE_WANTS_TLS',
      error,
    );
  }
}

function askFacts<T>(
  node: Node,
  path: string,
  shape: Shape<T>,
  how: { readonly timeoutMs?: number; readonly isUnversioned?: boolean },
): Promise<T> {
  const bounds = { timeoutMs: CONNECT_CALL_MS, maxBytes: MAX_FACTS_BYTES };
  return askEngine(node.client, { method: 'GET', path, ...bounds, ...how }, shape);
}
