import { createSocket, type SocketOptions } from 'node:dgram';
import { isIP, isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { reachableLookup } from '../discovery/reachable.ts';
import { receiveDatagrams, sendDatagram } from '../engine/dialled/datagrams.ts';
import type { Client, Target } from './target.ts';

/** What may wait in the system's queue of a socket, in bytes: datagrams beyond are lost, as in a router. */
export const MAX_WAITING_BYTES: number = 256 * 1024;
/** How long an agent may take to open a flow's way, in milliseconds. */
const CONNECT_MS = 3_000;

/** A site lists its nodes by name, and a name may stand for this host. A socket gives the family alone, as a number, whatever its types say. */
const lookup: NonNullable<SocketOptions['lookup']> = (host, _, callback) =>
  ofOthers(host, { family: 4 }, (error, address, family = 4) => callback(error, String(address), family));
const ofOthers = reachableLookup({ loopback: false });

/** How datagrams of one client come to a target. */
export interface Way {
  /** To be called once it is open. */
  send(datagram: Buffer): void;
  /** Nothing is told any more. Idempotent. */
  close(): void;
}

/** Told of a way; never before it is returned. */
export interface WayWatch {
  readonly onOpen: () => void;
  readonly onDatagram: (datagram: Buffer) => void;
  /** It is broken, or could not be opened. */
  readonly onEnd: (isOpened: boolean) => void;
}

/** Begins a way to a target: straight, or over the connection of its node's agent where nobody can send straight. */
export function openWay(target: Target, client: Client, watch: WayWatch): Way {
  return target.connect ? wayOverAgent(target.connect, client, watch) : straightWay(target, watch);
}

function straightWay({ host, port }: Target, { onOpen, onDatagram, onEnd }: WayWatch): Way {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', ...(isIP(host) === 0 && { lookup }) });
  let isOpened = false;
  let isClosed = false;
  // Refused by the node, for one.
  socket.on('error', () => onEnd(isOpened));
  socket.on('message', onDatagram);
  // Given to `connect`, it would be called for a failure, too.
  socket.once('connect', () => {
    isOpened = true;
    onOpen();
  });
  socket.connect(port, host);
  return {
    send: (datagram) => {
      if (socket.getSendQueueSize() <= MAX_WAITING_BYTES) socket.send(datagram, noop);
    },
    close: () => {
      if (isClosed) return; // A socket cannot be closed twice.
      isClosed = true;
      socket.removeAllListeners().on('error', noop);
      socket.close(noop);
    },
  };
}

function wayOverAgent(
  connect: NonNullable<Target['connect']>,
  client: Client,
  { onOpen, onDatagram, onEnd }: WayWatch,
): Way {
  let stream: Duplex | undefined;
  let isClosed = false;
  const begin = (opened: Duplex): void => {
    if (isClosed) return void opened.destroy();
    stream = opened;
    opened.once('close', () => {
      if (!isClosed) onEnd(true);
    });
    if (opened.destroyed) return onEnd(true);
    receiveDatagrams(opened, onDatagram);
    onOpen();
  };
  connect(CONNECT_MS, client).then(begin, () => {
    if (!isClosed) onEnd(false);
  });
  return {
    send: (datagram) => stream && sendDatagram(stream, datagram),
    close: () => {
      isClosed = true;
      stream?.destroy();
    },
  };
}

function noop(): void {
  // Nothing to do.
}
