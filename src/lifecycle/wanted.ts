import type { ApiVersion } from '../engine/api-version.ts';
import { type ParsedPlacement, parsePlacement } from '../scheduler/placement.ts';
import { type CreateReferences, readReferences } from './create-body.ts';
import type { LifecycleContext } from './lifecycle.ts';

/** `POST /containers/create` as the client sent it. */
export interface CreateRequest {
  /** The body as text, and parsed. */
  readonly text: string;
  readonly value: unknown;
  readonly name: string | undefined;
  readonly platform: string | undefined;
  readonly registryAuth: string | undefined;
  readonly api: ApiVersion;
  readonly signal: AbortSignal;
}

/** A create that was read: what it asks for and what it refers to. */
export interface Wanted {
  readonly request: CreateRequest;
  /** The name asked for, without slash. */
  readonly name: string | undefined;
  readonly parsed: ParsedPlacement;
  readonly references: CreateReferences;
  readonly labels: Readonly<Record<string, string>>;
}

/** Reads a create. Throws 400 for a body or an expression that cannot be read. */
export function readWanted(context: LifecycleContext, request: CreateRequest): Wanted {
  const references = readReferences(request.value);
  const name = request.name?.replace(/^\//, '') || undefined;
  const parsed = parsePlacement(request.value, {
    ...(name === undefined ? {} : { name }),
    ...(request.platform ? { platform: request.platform } : {}),
    largestNodeCpus: context.cluster.loads.largestNanoCpus() / 1e9,
  });
  const own = (request.value as { Labels?: Readonly<Record<string, string>> | null }).Labels ?? {};
  return { request, name, parsed, references, labels: { ...own, ...parsed.labelsToAdd } };
}

/** The same create under a name that the client left to us. */
export function withName(wanted: Wanted, name: string): Wanted {
  const { parsed } = wanted;
  return { ...wanted, name, parsed: { ...parsed, request: { ...parsed.request, name } } };
}
