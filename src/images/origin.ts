import { parseReference } from '../common/image-reference.ts';
import type { ImageSummary } from '../engine/types.ts';

/**
 * The repositories of registries that an image is known to have come from, or to have gone to. A name alone proves no origin, but a
 * digest does. The containerd image store gives what was built here one, too: its ID; there only a name that says the registry tells more.
 */
export function registryRepositoriesOf({
  Id,
  RepoDigests,
}: Pick<ImageSummary, 'Id' | 'RepoDigests'>): readonly string[] {
  return (RepoDigests ?? [])
    .filter((name) => !name.startsWith('<none>'))
    .map(parseReference)
    .filter(({ digest, repository }) => digest !== Id || namesRegistry(repository))
    .map(({ repository }) => repository);
}

/** Whether the first part of a repository is a host, as Docker tells: `ghcr.io/…`, `localhost:5000/…`. */
function namesRegistry(repository: string): boolean {
  return /^(?:localhost|[^/]*[.:][^/]*)\//.test(repository);
}
