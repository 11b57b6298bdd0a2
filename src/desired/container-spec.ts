import type { ApiVersion } from '../engine/api-version.ts';
import { parsePlacement } from '../scheduler/placement.ts';
import type { PlacementRequest } from '../scheduler/types.ts';
import type { MoveTerms } from './move-terms.ts';
import { readReferences } from './references.ts';
import { mistypedTermLabels } from './term-labels.ts';
import { readTerms, uselessTerms } from './terms.ts';

/** What a specification is read from. It is plain JSON, and reads as the same specification at any time and by any manager. */
export interface SpecSource {
  /** The body of the create as the client sent it, each member once and under its own name (see `common/go-json.ts`). */
  readonly text: string;
  /** The version of the API that the body is written in. */
  readonly api: ApiVersion;
  /** The create's `platform` query, `os[/arch[/variant]]`. */
  readonly platform?: string | undefined;
  /** CPUs of the largest node at the time of the create: CPU shares up to this number mean whole CPUs. */
  readonly largestNodeCpus: number;
}

/** What changes in the body for engines because the manager has read it; undefined leaves a member as it is. */
export interface SpecEdits {
  /** The environment without scheduling expressions. */
  readonly env: readonly string[] | undefined;
  /** Labels that keep these expressions. */
  readonly labels: Readonly<Record<string, string>>;
  readonly cpuShares: number | undefined;
}

/**
 * A container as a client wants it, wherever it is. It outlives the call that asked for it: credentials and deadline are the call's,
 * see {@link CreateCall}.
 */
export interface ContainerSpec {
  readonly source: SpecSource;
  /** The source's text, parsed. Members that no field here is made from are the engine's to judge. */
  readonly body: unknown;
  /** Without slash; undefined when the client leaves it to the manager. */
  readonly name: string | undefined;
  /** As the client wrote it. */
  readonly image: string;
  /** User-defined networks by name or ID; `bridge`, `host` and `none` are on every node. */
  readonly networks: readonly string[];
  /** Named volumes; binds of host paths are not. */
  readonly volumes: readonly string[];
  /** The body's labels and those that keep its scheduling expressions. */
  readonly labels: Readonly<Record<string, string>>;
  /** Resources, ports, containers it depends on, scheduling expressions and rescheduling policy. */
  readonly placement: PlacementRequest;
  /** On what terms it moves, as far as the body says. */
  readonly terms: MoveTerms;
  readonly edits: SpecEdits;
  /** For the client: what looks like a scheduling expression and is none. */
  readonly warnings: readonly string[];
}

/** How a client asked for a container: what ends with its call and is part of no specification. */
export interface CreateCall {
  /** `X-Registry-Auth`, for a pull. */
  readonly registryAuth: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Reads a specification. Throws 400 for a body or an expression that cannot be read.
 *
 * @param body the source's text, parsed
 * @param asked the create's `name` query, or the name that the container has by now
 */
export function parseSpec(source: SpecSource, body: unknown, asked?: string): ContainerSpec {
  const references = readReferences(body);
  const name = asked?.replace(/^\//, '') || undefined;
  const parsed = parsePlacement(body, {
    ...(name === undefined ? {} : { name }),
    ...(source.platform ? { platform: source.platform } : {}),
    largestNodeCpus: source.largestNodeCpus,
  });
  const { Labels, HostConfig } = body as {
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly HostConfig?: unknown;
  };
  const labels = { ...Labels, ...parsed.labelsToAdd };
  const terms = readTerms({ hostConfig: HostConfig, labels, policy: parsed.request.reschedule });
  return {
    source,
    body,
    name,
    ...references,
    labels,
    placement: parsed.request,
    terms,
    edits: { env: parsed.strippedEnv, labels: parsed.labelsToAdd, cpuShares: parsed.engineCpuShares },
    warnings: [...parsed.warnings, ...mistypedTermLabels(labels), ...uselessTerms(terms, labels)],
  };
}

/** The same container under another name. */
export function withName(spec: ContainerSpec, name: string): ContainerSpec {
  return { ...spec, name, placement: { ...spec.placement, name } };
}
