import { fileURLToPath } from 'node:url';
import type { Services } from '../api/call.ts';
import type { PageDoor } from '../api/page-door.ts';
import type { ListenAddress } from '../common/listen-address.ts';
import type { TlsServerOptions } from '../common/tls-files.ts';
import { VERSION } from '../common/version.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import { startWebListener, type WebListener } from '../web/web-listener.ts';
import { type PageRoutes, sendValue } from './calls.ts';
import { containerCalls } from './container-calls.ts';
import { EventJournal, type EventJournalDeps } from './event-journal.ts';
import { ExecTerminals } from './exec-terminals.ts';
import { FailoverSight } from './failover-sight.ts';
import { Gate } from './gate.ts';
import { holdingsCalls } from './holdings-calls.ts';
import { ModelStream } from './model-stream.ts';
import { nodeCalls } from './node-calls.ts';
import { PageApi } from './page-api.ts';
import { PageSite } from './page-site.ts';
import { passedCalls } from './passed-calls.ts';
import { planCalls } from './plan-calls.ts';
import type { ClusterName, SessionAnswer } from './protocol.ts';
import { PROTOCOL } from './protocol-version.ts';
import { LINK_MS, type Session, Sessions } from './sessions.ts';
import { StaticFiles } from './static-files.ts';
import { Viewers } from './viewers.ts';

/** Where the page is, and what it may do. */
export interface PageOptions {
  readonly address: ListenAddress;
  /** Used where others than this machine can reach the address. Browsers are asked for no certificate: they log in. */
  readonly tls?: TlsServerOptions | undefined;
  readonly allowHosts?: readonly string[] | undefined;
  /** Whether those who log in may change anything. */
  readonly actions: boolean;
  /** Where the page was built to; default: beside this program. */
  readonly folder?: string | undefined;
}

export interface PageDeps {
  readonly services: Services;
  readonly desired: DesiredState;
  readonly notices: EventJournalDeps['notices'];
  readonly problems: () => readonly string[];
  /** Labels that name failure domains, the widest first. */
  readonly domains: readonly string[];
  readonly name: ClusterName;
}

/** A page that is served. */
export interface Page extends PageDoor {
  readonly listener: Pick<WebListener, 'address' | 'url'>;
  /** Says so to its viewers, and ends their connections. Idempotent. */
  close(): Promise<void>;
}

/** `dist/ui`, seen from `dist/page` and from `src/page` alike. */
const FOLDER = fileURLToPath(new URL('../../dist/ui', import.meta.url));

/** Serves the page. Rejects in one clear line when the address cannot be had. */
export async function openPage(deps: PageDeps, options: PageOptions): Promise<Page> {
  const { services } = deps;
  const { cluster, clock, logger, stats } = services;
  const { failover, drills } = new FailoverSight(services);
  const journal = new EventJournal({ cluster, notices: deps.notices, clock });
  const stream = new ModelStream(
    { cluster, desired: deps.desired, journal, failover, drills, stats, problems: deps.problems, clock },
    { domains: deps.domains, name: deps.name },
  );
  const sessions = new Sessions(clock);
  const viewers = new Viewers({ stream, sessions, clock, logger });
  const gate = new Gate(sessions);
  const terminals = new ExecTerminals(services, gate);
  sessions.onEnd = (session) => {
    viewers.endOf(session);
    terminals.endOf(session);
  };
  const sessionAnswer = ({ actions, endsMs }: Session): SessionAnswer => ({
    protocol: PROTOCOL,
    version: VERSION,
    cluster: deps.name,
    actions,
    endsAt: endsMs,
    has: { stats: stats !== undefined, bill: true, exec: actions },
  });
  const passed = passedCalls(services);
  const routes: PageRoutes = {
    ...containerCalls({ services, desired: deps.desired, journal }),
    ...nodeCalls(services),
    ...holdingsCalls(services, stream.numbers),
    ...planCalls(services, passed),
    ...passed.routes,
    'GET session': async ({ res, session }) => sendValue(res, sessionAnswer(session)),
    'GET stream': async ({ req, res, session }) => {
      const lastEventId = req.headers['last-event-id'];
      viewers.add(res, session, typeof lastEventId === 'string' ? lastEventId : undefined);
    },
  };
  const api = new PageApi({ gate, sessions, clock, logger }, routes);
  const files = new StaticFiles(options.folder ?? FOLDER);
  const site = new PageSite({ api, files, upgrade: (req, socket, head) => terminals.upgrade(req, socket, head) });
  const tls = options.tls && { ...options.tls, requestCert: false };
  const close = async (): Promise<void> => {
    viewers.close();
    passed.close();
    terminals.close();
    await listener?.close();
    stream.close();
    journal.close();
  };
  let listener: WebListener | undefined;
  try {
    listener = await startWebListener({ ...options, tls, flag: '--page', serves: site, logger });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    listener,
    login: ({ readOnly }) => ({
      address: listener.address.text,
      scheme: listener.url.startsWith('https:') ? 'https' : 'http',
      path: `/login#${sessions.makeLink(options.actions && !readOnly)}`,
      expiresInSeconds: LINK_MS / 1_000,
    }),
    close,
  };
}
