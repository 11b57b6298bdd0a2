import { TcpRelay } from '../relay/tcp-relay.ts';
import { UdpRelay, type UdpRelayDeps } from '../relay/udp-relay.ts';
import type { NodePort } from './node-ports.ts';
import type { OpenPort } from './shared-port.ts';

/** All addresses of a host, by both families, and by IPv4 alone where there is no other. */
const ANY = '::';
const ANY_V4 = '0.0.0.0';

/** What clients are shown for ports that are open at all addresses, as engines show it. */
const SHOWN_ANY = ANY_V4;

/** The address that ports are opened at. */
export class EndpointAddress {
  /** What clients are shown. */
  readonly shown: string;
  readonly #host: string;

  /** @param host an IP address; undefined: every address of this machine */
  constructor(host: string | undefined) {
    this.#host = host === undefined || host === ANY_V4 ? ANY : host;
    this.shown = this.#host === ANY ? SHOWN_ANY : this.#host;
  }

  /** Opens one port at it, or any that is free for number 0. Rejects as the system says. */
  async open(protocol: NodePort['protocol'], port: number, deps: UdpRelayDeps): Promise<OpenPort> {
    try {
      return await openAt(this.#host, protocol, port, deps);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (this.#host !== ANY || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
      return openAt(ANY_V4, protocol, port, deps);
    }
  }
}

async function openAt(
  host: string,
  protocol: NodePort['protocol'],
  port: number,
  deps: UdpRelayDeps,
): Promise<OpenPort> {
  const relay = protocol === 'udp' ? new UdpRelay(deps) : new TcpRelay(deps);
  const got = await relay.listen(host, port);
  return { port: got, close: () => relay.close() };
}
