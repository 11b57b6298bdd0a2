import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { ClusterError } from '../common/errors.ts';
import { TOKEN_HEADER } from './protocol-version.ts';
import type { Credentials, Session, Sessions } from './sessions.ts';

/** Headers of everything that this listener answers: no code and no data but its own, in nobody's frame. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'Referrer-Policy': 'no-referrer',
  'X-Frame-Options': 'DENY',
};

/** Nobody is logged in, or not here (401). */
export class NoSessionError extends ClusterError {
  constructor() {
    super('no session: run "enxame page" to log in', { code: 'NO_SESSION', status: 401 });
  }
}

/** This page may look and not touch (403). */
export class ReadOnlyError extends ClusterError {
  constructor() {
    super(
      'this page may change nothing: the manager was started without --page-actions, or the link with --read-only',
      {
        code: 'READ_ONLY',
        status: 403,
      },
    );
  }
}

/** A change was asked for by something else than the page itself (403). */
class ForeignError extends ClusterError {
  constructor() {
    super('changes are taken from the page itself only (header Origin)', { code: 'FOREIGN_PAGE', status: 403 });
  }
}

/** Knows who asks. */
export class Gate {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /** Whose request it is, by its cookie and `token`. Throws 401. */
  session(req: IncomingMessage, token: string | undefined): Session {
    // Other programs of this host may set one of the same name beside ours.
    if (token === undefined) throw new NoSessionError();
    for (const cookie of cookiesOf(req, cookieName(req))) {
      const session = this.#sessions.find(cookie, token);
      if (session) return session;
    }
    throw new NoSessionError();
  }

  /** The `Set-Cookie` of a login. */
  setCookie(req: IncomingMessage, { cookie }: Credentials): string {
    return `${cookieName(req)}=${cookie}; ${attributes(req)}`;
  }

  /** The `Set-Cookie` of a logout. */
  clearCookie(req: IncomingMessage): string {
    return `${cookieName(req)}=; ${attributes(req)}; Max-Age=0`;
  }
}

/** The token in the header; a stream takes it from its query. */
export function tokenOf(req: IncomingMessage): string | undefined {
  const token = req.headers[TOKEN_HEADER];
  return typeof token === 'string' ? token : undefined;
}

/**
 * Browsers say with every change from which origin it comes; scripts cannot. Throws 403 for another one, and for none: what has a cookie
 * and no origin is no browser that shows this page.
 */
export function assertOwnOrigin(req: IncomingMessage): void {
  const { origin, host } = req.headers;
  if (origin === undefined || origin.toLowerCase() !== `${schemeOf(req)}://${host}`.toLowerCase())
    throw new ForeignError();
}

/**
 * Cookies do not know ports: two managers at one host must not end each other's sessions, and the port that the browser sees may be that of
 * a tunnel. `__Host-` keeps other hosts from setting it.
 */
function cookieName(req: IncomingMessage): string {
  const port = /:(\d{1,5})$/.exec(req.headers.host ?? '')?.[1] ?? req.socket.localPort ?? 0;
  const name = `enxame-${port}`;
  return schemeOf(req) === 'https' ? `__Host-${name}` : name;
}

function attributes(req: IncomingMessage): string {
  return `Path=/; HttpOnly; SameSite=Strict${schemeOf(req) === 'https' ? '; Secure' : ''}`;
}

function schemeOf(req: IncomingMessage): 'http' | 'https' {
  return (req.socket as TLSSocket).encrypted ? 'https' : 'http';
}

function cookiesOf(req: IncomingMessage, name: string): readonly string[] {
  return (req.headers.cookie ?? '').split(';').flatMap((pair) => {
    const [key, value] = pair.trim().split('=', 2);
    return key === name && value ? [value] : [];
  });
}
