import type { CloudCertificate } from '../http-cloud.ts';
import { type RestCloud, startRestCloud } from '../rest.ts';
import { catalogueRoutes } from './catalogue.ts';
import { identityRoutes, isSignedIn } from './identity.ts';
import { networkRoutes } from './network.ts';
import { serverRoutes, settle } from './servers.ts';
import type { OpenStackState } from './state.ts';
import { volumeRoutes } from './volumes.ts';

/** What is different from the cloud as it is. */
export interface CloudTraits {
  /** Until something is done: a server built, a volume filled, a server stopped. */
  readonly delayMs?: number;
  /** Newest microversion of Nova. */
  readonly microversion?: string;
  readonly tls?: CloudCertificate;
}

export interface OpenStackServer extends RestCloud {
  readonly state: OpenStackState;
}

/**
 * Keystone (v3), Nova (v2.1 with microversions), Neutron (v2.0), Glance (v2) and Cinder (v3) as docs.openstack.org/api-ref publishes
 * them, in one region of a cloud of two.
 */
export async function startOpenStack(traits: CloudTraits = {}): Promise<OpenStackServer> {
  const { delayMs = 0, microversion = '2.96', tls } = traits;
  const state: OpenStackState = {
    ...{ servers: [], keypairs: [], groups: [], rules: [], volumes: [], floatingIps: [], tokens: new Set() },
    ...{ password: 'openstack-test-password', secret: 'openstack-test-secret', limit: 100, noHost: false },
    ...{ delayMs, microversion, scheme: tls === undefined ? 'http' : 'https', signIns: [] },
    networks: ['hive'],
    existing: () => {
      settle(state);
      const { servers, keypairs, groups, volumes, floatingIps } = state;
      return [
        ...servers.map(({ id, body }) => `server ${id} ${body.name}`),
        ...keypairs.map(({ body }) => `key pair ${body.name}`),
        ...groups.map(({ id, body }) => `group ${id} ${body.name}`),
        ...volumes.map(({ id, body }) => `volume ${id} ${body.name}`),
        ...floatingIps.map(({ id }) => `floating IP ${id}`),
      ].sort();
    },
  };
  const cloud = await startRestCloud({
    routes: [
      ...identityRoutes(state),
      ...catalogueRoutes(state),
      ...networkRoutes(state),
      ...volumeRoutes(state),
      ...serverRoutes(state),
    ],
    isAllowed: (request) => isSignedIn(state, request),
    isChange: ({ method, url }) => method !== 'GET' && !url.pathname.startsWith('/identity/'),
    errorBody: ({ status, code, message }) => {
      if (status === 401)
        return {
          error: { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' },
        };
      if (status === 429)
        return { overLimit: { code: 429, message: 'This request was rate-limited.', retryAfter: '2' } };
      return /^[A-Z]/.test(code)
        ? { NeutronError: { type: code, message, detail: '' } }
        : { [code]: { code: status, message } };
    },
    ...(tls === undefined ? {} : { tls }),
  });
  return { ...cloud, state };
}
