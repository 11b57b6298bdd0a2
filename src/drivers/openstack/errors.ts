import type { RestError } from '../cloud/rest.ts';

interface Told {
  readonly message?: string;
  readonly type?: string;
  readonly title?: string;
}

/**
 * Nova and Cinder: `{"badRequest": {"code": 400, "message": "…"}}`, Neutron: `{"NeutronError": {"type": "OverQuota", "message": "…"}}`,
 * Keystone and its middleware: `{"error": {"code": 401, "title": "Unauthorized", "message": "…"}}`, Glance: `{"message": "…"}`.
 */
export function readError(body: unknown): { code?: string | undefined; message?: string | undefined } {
  const content = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
  if (typeof content.message === 'string') return { message: content.message };
  const found = Object.entries(content).find(([, value]) => typeof (value as Told | null)?.message === 'string');
  if (found === undefined) return {};
  const [word, told] = found as [string, Told];
  return { code: told.type || told.title || word, message: told.message };
}

/** Whether the error says that the project may have no more. */
export function isQuota({ code, message }: Pick<RestError, 'code' | 'message'>): boolean {
  return /quota/i.test(code) || /quota|limit.*exceeded/i.test(message);
}

/** What to do about an error. */
export function nextStep(error: RestError): { code: string; text: string } | undefined {
  const { status, message } = error;
  if (status === 401)
    return {
      code: 'BAD_CREDENTIALS',
      text: 'Check user, password, domains and project, or the application credential',
    };
  if (isQuota(error))
    return {
      code: 'QUOTA',
      text: 'Remove what is not needed, or ask for more; "openstack quota show" lists the limits',
    };
  if (status === 403)
    return {
      code: 'FORBIDDEN',
      text: 'The user needs the role "member" in the project; see "openstack role assignment list"',
    };
  if (/no valid host/i.test(message)) return NO_CAPACITY;
  if (status === 400 || status === 409) return { code: 'BAD_OPTIONS', text: 'Change the flag it is about' };
  if (status >= 500) return { code: 'DRIVER', text: 'See the status of the cloud and try again' };
  return undefined;
}

/** For a server that found no place. */
export const NO_CAPACITY = {
  code: 'NO_CAPACITY',
  text: 'Try another --openstack-flavor-name or --openstack-availability-zone',
};
