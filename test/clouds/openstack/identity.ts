import { randomUUID } from 'node:crypto';
import type { CloudRequest } from '../http-cloud.ts';
import { RestAnswer, RestFailure, type RestRoute } from '../rest.ts';
import { type Body, CREDENTIAL, type OpenStackState, PROJECT, REGION, USER } from './state.ts';

/** Whether a request has a token that is good, or needs none. */
export function isSignedIn({ tokens }: OpenStackState, { url, headers }: CloudRequest): boolean {
  return url.pathname.startsWith('/identity/') || tokens.has(String(headers['x-auth-token']));
}

/** Keystone: docs.openstack.org/api-ref/identity/v3. */
export function identityRoutes(state: OpenStackState): readonly RestRoute[] {
  return [
    [
      'POST',
      /\/identity\/v3\/auth\/tokens/,
      ({ body, host }) => {
        const { identity, scope } = body.auth as { readonly identity: Body; readonly scope?: Body };
        assertKnown(state, identity, scope);
        state.signIns.push(body.auth as Body);
        const id = `gAAAA${randomUUID()}`;
        state.tokens.add(id);
        const token = {
          methods: identity.methods,
          expires_at: new Date(Date.now() + 24 * 3_600_000).toISOString(),
          project: { id: PROJECT, name: 'hive', domain: { id: 'default', name: 'Default' } },
          catalog: catalog(`${state.scheme}://${host}`),
        };
        return new RestAnswer(201, { token }, { 'x-subject-token': id });
      },
    ],
  ];
}

function assertKnown(state: OpenStackState, identity: Body, scope: Body | undefined): void {
  const denied = new RestFailure(401, 'Unauthorized', 'The request you have made requires authentication.');
  const [method] = identity.methods as readonly string[];
  if (method === 'application_credential') {
    const { id, secret } = identity.application_credential as Body;
    // Keystone refuses one with a scope.
    if (scope !== undefined || id !== CREDENTIAL || secret !== state.secret) throw denied;
    return;
  }
  const { user } = identity.password as { readonly user: Body };
  const isUser = user.name === USER && (user.domain as Body | undefined)?.id === 'default';
  if (!isUser || user.password !== state.password) throw denied;
  const project = scope?.project as Body | undefined;
  const isProject = project?.id === PROJECT || (project?.name === 'hive' && project.domain !== undefined);
  if (!isProject) throw denied;
}

/** As devstack has them: with a path or a version or neither. */
function catalog(root: string): readonly unknown[] {
  const service = (type: string, path: string): unknown => ({
    type,
    name: type,
    id: type,
    endpoints: [REGION, 'south'].flatMap((region) =>
      ['public', 'internal'].map((each) => ({
        id: `${type}-${region}-${each}`,
        interface: each,
        region,
        region_id: region,
        url: region === REGION && each === 'public' ? `${root}${path}` : 'http://127.0.0.1:9',
      })),
    ),
  });
  return [
    service('identity', '/identity'),
    service('compute', '/compute/v2.1'),
    service('network', '/networking'),
    service('image', '/image/'),
    service('volumev3', `/volume/v3/${PROJECT}`),
  ];
}
