import { BadRequestError } from '../common/errors.ts';
import { forEachElement, memberText, replaceMember } from '../common/json-edit.ts';
import { CLUSTER_SOCKET_LABEL } from '../common/labels.ts';
import { fieldsOf, stringsOf, textOf } from '../scheduler/json.ts';

/** Where an agent listens for containers that are to reach the cluster; the same path on all nodes, so that such a container can move. */
export const CLUSTER_SOCKET = '/run/enxame/cluster.sock';

/** Where engines listen, as containers mount it. */
const ENGINE_SOCKET = /^\/(?:var\/)?run\/docker\.sock$/;
const BINDS = ['HostConfig', 'Binds'];
const MOUNTS = ['HostConfig', 'Mounts'];

/**
 * The text of a create's body in which the socket of the node's engine is the cluster's, for a container that mounts it and is to have that; the text
 * itself else. Throws 400 where its label asks for what this manager does not give.
 *
 * @param isGiven whether this manager gives containers the cluster's socket
 */
export function withClusterSocket(text: string, body: unknown, isGiven: boolean): string {
  const { Labels, HostConfig } = fieldsOf(body);
  const asked = fieldsOf(Labels)[CLUSTER_SOCKET_LABEL];
  if (asked === 'true' && !isGiven)
    throw new BadRequestError(`label ${CLUSTER_SOCKET_LABEL}=true needs a manager that runs with --cluster-socket`);
  if (asked === 'false' || !isGiven) return text;
  const { Binds, Mounts } = fieldsOf(HostConfig);
  let edited = text;
  const binds = stringsOf(Binds);
  if (binds.some((bind) => isEngineSocket(bind.split(':')[0])))
    edited = replaceMember(edited, BINDS, JSON.stringify(binds.map(bindToCluster)));
  if (Array.isArray(Mounts) && Mounts.some(isEngineMount)) edited = replaceMember(edited, MOUNTS, mountsIn(edited));
  return edited;
}

/** Whether a container with this body reaches the cluster, so that its node needs an agent. */
export function mountsClusterSocket(body: unknown): boolean {
  const { Binds, Mounts } = fieldsOf(fieldsOf(body).HostConfig);
  return (
    stringsOf(Binds).some((bind) => bind.startsWith(`${CLUSTER_SOCKET}:`)) ||
    (Array.isArray(Mounts) && Mounts.some((mount) => textOf(fieldsOf(mount).Source) === CLUSTER_SOCKET))
  );
}

function isEngineSocket(path: string | undefined): boolean {
  return path !== undefined && ENGINE_SOCKET.test(path);
}

function bindToCluster(bind: string): string {
  const [source = '', ...rest] = bind.split(':');
  return isEngineSocket(source) ? [CLUSTER_SOCKET, ...rest].join(':') : bind;
}

function isEngineMount(mount: unknown): boolean {
  const { Type, Source } = fieldsOf(mount);
  return Type === 'bind' && isEngineSocket(textOf(Source));
}

/** As text, since sizes in it may be larger than numbers here hold. */
function mountsIn(text: string): string {
  const mounts = memberText(text, MOUNTS) ?? '[]';
  const elements: string[] = [];
  forEachElement(mounts, (start, end) => {
    const mount = mounts.slice(start, end);
    elements.push(
      isEngineMount(JSON.parse(mount)) ? replaceMember(mount, ['Source'], JSON.stringify(CLUSTER_SOCKET)) : mount,
    );
  });
  return `[${elements.join(',')}]`;
}
