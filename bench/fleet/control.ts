import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FAULT_KINDS, toFault } from '../../simulator/fault.ts';
import type { Fleet } from './fleet.ts';

/**
 * A control port for a fleet that is driven by hand: `GET /`, `POST /fault?nodes=0-9,12&kind=hang`,
 * `POST /churn?rate=50`, `POST /emit?count=1000&rate=500`. Loopback only.
 */
export class FleetControl {
  readonly #server: Server;
  readonly #fleet: Fleet;

  private constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => reply(response, 400, { message: String(error) }));
    });
  }

  static async listen(fleet: Fleet, port: number): Promise<FleetControl> {
    const control = new FleetControl(fleet);
    control.#server.listen(port, '127.0.0.1');
    await once(control.#server, 'listening');
    return control;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://control');
    const number = (name: string, otherwise: number): number => Number(searchParams.get(name) ?? otherwise);
    switch (`${request.method} ${pathname}`) {
      case 'GET /':
        return reply(response, 200, { ...this.#fleet.population, ...(await this.#fleet.counters()) });
      case 'GET /nodes':
        return reply(response, 200, this.#fleet.addresses);
      case 'POST /churn':
        return reply(response, 200, await this.#fleet.churn(number('rate', 0)));
      case 'POST /emit':
        return reply(response, 200, await this.#fleet.emit(0, number('count', 1), number('rate', 1000)));
      case 'POST /fault': {
        const fault = toFault(searchParams.get('kind') ?? '', number('rate', 1000));
        if (fault === undefined) return reply(response, 400, { message: `kind is one of ${FAULT_KINDS.join(', ')}` });
        return reply(response, 200, await this.#fleet.apply(parseNodes(searchParams.get('nodes') ?? ''), fault));
      }
      default:
        return reply(response, 404, { message: 'no such command' });
    }
  }
}

/** `0-9,12` to the numbers it names. */
export function parseNodes(text: string): number[] {
  return text.split(',').flatMap((piece) => {
    const [from = Number.NaN, to = from] = piece.split('-').map(Number);
    if (!Number.isInteger(from) || !Number.isInteger(to) || to < from) throw new Error(`nodes "${piece}" is no range`);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body ?? {})}\n`);
}
