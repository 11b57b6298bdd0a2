/** A parsed image reference in familiar form: no default registry, no `library/`. */
export interface ImageReference {
  /** `redis`, `ghcr.io/a/b`. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `sha256:…`. */
  readonly digest: string | undefined;
}

/** What Docker calls its default registry; references spelled with it are shown without. */
const DEFAULT_REGISTRY = /^(?:index\.)?docker\.io\//;

/** Reads a reference as Docker does; a reference without tag and digest means the tag `latest`. */
export function parseReference(text: string): ImageReference {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const name = at < 0 ? text : text.slice(0, at);
  const colon = name.lastIndexOf(':');
  const hasTag = colon > name.lastIndexOf('/');
  const repository = familiarRepository(hasTag ? name.slice(0, colon) : name);
  const tag = hasTag ? name.slice(colon + 1) : digest ? undefined : 'latest';
  return { repository, tag, digest };
}

/** `docker.io/library/redis` → `redis`. Only `library/x` is official; `library/x/y` keeps its path. */
function familiarRepository(name: string): string {
  return name.replace(DEFAULT_REGISTRY, '').replace(/^library\/(?=[^/]+$)/, '');
}

/** The one spelling under which references are compared: `redis:7`, or `redis@sha256:…` when there is a digest. */
export function familiarReference(text: string): string {
  const { repository, tag, digest } = parseReference(text);
  return digest ? `${repository}@${digest}` : `${repository}:${tag}`;
}

/** The hexadecimal digits of an image ID or of the start of one, with or without `sha256:`; undefined for anything else. */
export function asImageIdPrefix(text: string): string | undefined {
  const match = /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(text);
  return match?.[1];
}

/** The ID when text is a whole one: nothing that could be pulled or tagged by that name. */
export function asImageId(text: string): string | undefined {
  const digits = asImageIdPrefix(text);
  return digits?.length === 64 ? `sha256:${digits}` : undefined;
}
