import { BadRequestError } from '../common/errors.ts';
import { isUserDefined } from '../scheduler/host-config.ts';

/** What a create body refers to. */
export interface References {
  readonly image: string;
  /** User-defined networks by name or ID; `bridge`, `host` and `none` are on every node. */
  readonly networks: readonly string[];
  /** Named volumes; binds of host paths are not. */
  readonly volumes: readonly string[];
}

interface CreateBody {
  readonly Image?: unknown;
  readonly HostConfig?: {
    readonly NetworkMode?: unknown;
    readonly Binds?: unknown;
    readonly Mounts?: unknown;
  } | null;
  readonly NetworkingConfig?: { readonly EndpointsConfig?: unknown } | null;
}

/** Reads a parsed create body. Throws 400 when it is no object or names no image. */
export function readReferences(value: unknown): References {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadRequestError(
      'create a container: the body must be a JSON object with at least an Image',
      'BAD_CREATE',
    );
  }
  const body = value as CreateBody;
  if (typeof body.Image !== 'string' || body.Image.trim() === '') {
    throw new BadRequestError(
      'create a container: no image specified. Set "Image" to the name or ID of an image.',
      'NO_IMAGE',
    );
  }
  return { image: body.Image, networks: networksOf(body), volumes: volumesOf(body) };
}

function networksOf({ HostConfig, NetworkingConfig }: CreateBody): string[] {
  const mode = typeof HostConfig?.NetworkMode === 'string' ? HostConfig.NetworkMode : '';
  const endpoints = NetworkingConfig?.EndpointsConfig;
  const named = typeof endpoints === 'object' && endpoints !== null ? Object.keys(endpoints) : [];
  const all = mode.startsWith('container:') ? named : [mode, ...named];
  return [...new Set(all)].filter(isUserDefined);
}

function volumesOf({ HostConfig }: CreateBody): string[] {
  const names = new Set<string>();
  for (const bind of Array.isArray(HostConfig?.Binds) ? HostConfig.Binds : []) {
    const source = typeof bind === 'string' && bind.includes(':') ? bind.slice(0, bind.indexOf(':')) : '';
    if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(source)) names.add(source);
  }
  for (const mount of Array.isArray(HostConfig?.Mounts) ? HostConfig.Mounts : []) {
    const { Type, Source } = (mount ?? {}) as { readonly Type?: unknown; readonly Source?: unknown };
    if (Type === 'volume' && typeof Source === 'string' && Source !== '') names.add(Source);
  }
  return [...names];
}
