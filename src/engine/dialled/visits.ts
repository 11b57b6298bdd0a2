import { z } from 'zod';

/**
 * Published ports at nodes: the manager says which an agent is to open, and asks for each connection that it took where to lead it. What both ends must
 * agree on. Messages of a visit are JSON, one a line.
 */

/** The question by which a manager says which ports are to be open: a {@link WantedPorts}, answered with {@link PortsAnswer}. */
export const PORTS_PATH = '/ports';

/** What a stream asks for that waits at the agent for a connection. */
export const VISIT_AUTHORITY = 'visit';

/** What a visit says instead of a port for a connection to the manager itself, by the socket of its host. */
export const SOCKET_PORT = 0;

/** Longest line of a visit, in bytes. */
export const VISIT_LINE_BYTES = 4_096;

/** All ports that are to be open, as `8080`; others are closed. */
export interface WantedPorts {
  /** TCP. */
  readonly ports: readonly number[];
  /** UDP; absent from a manager of an earlier version. */
  readonly udp?: readonly number[] | undefined;
  /** Whether containers of the agent's host are to reach the manager by a socket there. */
  readonly socket?: boolean;
}

export interface PortsAnswer {
  /** Why those are not open that are not, by number. */
  readonly refused: Readonly<Record<string, PortRefusal>>;
  /** The same for UDP; absent from an agent of an earlier version, which opens none, and where none was asked for. */
  readonly refusedUdp?: Readonly<Record<string, PortRefusal>> | undefined;
  /** Why the socket is not there, in words; absent when it is, or was not asked for. */
  readonly socketRefused?: string | undefined;
}

export interface PortRefusal {
  /** The agent's engine publishes it: nothing needs to be opened. */
  readonly isOfEngine: boolean;
  /** In words. */
  readonly why: string;
}

/** A connection, or a flow of UDP, that the agent took: the first line of a visit. */
export interface Visit {
  /** Absent for TCP. */
  readonly protocol?: 'udp' | undefined;
  /** {@link SOCKET_PORT} for one that came by the socket. */
  readonly port: number;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/**
 * Where it leads: `to`, a published port, which the agent tries and answers with {@link VISIT_TAKEN} or {@link VISIT_FAILED}, keeping the visit until the
 * connection ends; or over the visit, which carries the connection's own bytes from then on, or the flow's datagrams (see `sendDatagram`). No `host` means a port that the agent's own engine
 * publishes.
 */
export type VisitOrder =
  | {
      readonly to: { readonly host?: string | undefined; readonly port: number };
      /** Base64: to be sent first. */
      readonly header?: string | undefined;
    }
  | { readonly carry: true }
  /** No container takes it. */
  | { readonly refused: true };

export const VISIT_TAKEN = 'taken';
export const VISIT_FAILED = 'failed';

const port = z.number().int().min(1).max(65_535);

/** What a container may be told of in a header: nothing else than an address and a port, whatever the agent says. */
const address = z.string().max(64).optional();
const anyPort = z.number().int().min(0).max(65_535).optional();

const VISIT = z.object({
  protocol: z.literal('udp').optional(),
  port: z.union([port, z.literal(SOCKET_PORT)]),
  remoteAddress: address,
  remotePort: anyPort,
  localAddress: address,
  localPort: anyPort,
});

const ORDER = z.union([
  z.object({ to: z.object({ host: z.string().optional(), port }), header: z.string().optional() }),
  z.object({ carry: z.literal(true) }),
  z.object({ refused: z.literal(true) }),
]);

/** The first line of a visit; undefined for what is none. */
export function visitIn(line: string | undefined): Visit | undefined {
  return VISIT.safeParse(jsonIn(line)).data;
}

/** What the manager says of a visit; undefined for what is no order, or one of a later version. */
export function orderIn(line: string | undefined): VisitOrder | undefined {
  return ORDER.safeParse(jsonIn(line)).data;
}

function jsonIn(line: string | undefined): unknown {
  try {
    return JSON.parse(line ?? '');
  } catch {
    return undefined;
  }
}
