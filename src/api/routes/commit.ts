import { IDENTITY_LABEL } from '../../cluster/listed-container.ts';
import { MOVE_LABEL } from '../../cluster/moves.ts';
import { requireHealthy } from '../../cluster/reachable.ts';
import { BadRequestError } from '../../common/errors.ts';
import { setMember } from '../../common/json-edit.ts';
import { ATTEMPT_LABEL } from '../../common/labels.ts';
import { COMMIT_BODY } from '../body-shapes.ts';
import type { Call, RouteHandlers } from '../call.ts';
import { readCanonical, withoutIdentity } from '../canonical-body.ts';
import { askNode, sendAnswer } from '../proxy.ts';

/** `docker commit`: at the container's node. */
export const commitRoutes: RouteHandlers = { 'POST /commit': commit };

/** Labels that say who a container is: an image must not hand them on. */
const OF_THE_SWARM = [IDENTITY_LABEL, MOVE_LABEL];

async function commit(call: Call): Promise<void> {
  const { query, services } = call;
  const reference = query.get('container');
  if (!reference) throw new BadRequestError('commit: the query names no container', 'NO_CONTAINER');
  const container = await services.lifecycle.use(services.cluster.container(reference));
  requireHealthy(container.node, `container ${container.name}`);
  const { text, value } = withoutIdentity(await readCanonical(call, COMMIT_BODY));
  const search = new URLSearchParams(query);
  search.set('container', container.engineId);
  const path = `/commit?${search}`;
  const isMoved = container.id !== container.engineId;
  const isRecorded = services.lifecycle.recorder.recordOf(container) !== undefined;
  const inherited = [
    ...OF_THE_SWARM.filter((label) => label in container.labels || isMoved),
    ...(isRecorded ? [ATTEMPT_LABEL] : []),
  ];
  const body = inherited.length > 0 ? without(inherited, text, value) : text;
  const headers = body === '' ? {} : { 'Content-Type': 'application/json' };
  const answer = await askNode(call, container.node, { path, body, headers, timeoutMs: 0 });
  if (answer.statusCode < 300) {
    const [repo, tag] = [query.get('repo'), query.get('tag')];
    await call.services.images.settle(container.node, repo ? [tag ? `${repo}:${tag}` : repo] : []);
  }
  sendAnswer(call, answer);
}

/**
 * An engine gives the image all labels of the container, and lets the request only overwrite them: an empty identity is
 * none, so that containers made from the image are themselves.
 */
function without(inherited: readonly string[], text: string, value: unknown): string {
  const config = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  const { Labels } = config as { readonly Labels?: Readonly<Record<string, string>> | null };
  const labels = JSON.stringify({ ...Labels, ...Object.fromEntries(inherited.map((label) => [label, ''])) });
  return value === config ? setMember(text, ['Labels'], labels) : `{"Labels":${labels}}`;
}
