import type { FakeEngineOptions } from '../../simulator/fake-engine.ts';
import type { Services } from '../../src/api/call.ts';
import { HANDLERS } from '../../src/api/handlers.ts';
import { type ApiServer, startApiServer } from '../../src/api/server.ts';
import { ImageListView } from '../../src/api/views/image-list.ts';
import { systemClock } from '../../src/common/clock.ts';
import { parseListenAddress } from '../../src/common/listen-address.ts';
import { silentLogger } from '../../src/common/logger.ts';
import { ImageService, type ImageServiceOptions } from '../../src/images/image-service.ts';
import { Placer } from '../../src/scheduler/placer.ts';
import { schedulerOptions } from '../../src/scheduler/scheduler.ts';
import { FakeCluster } from './fake-cluster.ts';

/** The API server with everything about images over a cluster of fake engines. Close it, or use `await using`. */
export class ImageApi implements AsyncDisposable {
  readonly fake: FakeCluster;
  readonly images: ImageService;
  readonly url: string;
  readonly #server: ApiServer;

  private constructor(fake: FakeCluster, images: ImageService, server: ApiServer) {
    this.fake = fake;
    this.images = images;
    this.#server = server;
    const [address] = server.addresses;
    this.url = `http://127.0.0.1:${address?.kind === 'tcp' ? address.port : 0}`;
  }

  static async start(
    engines: readonly FakeEngineOptions[],
    options: Partial<ImageServiceOptions> = {},
  ): Promise<ImageApi> {
    const fake = await FakeCluster.start(engines);
    const { cluster } = fake;
    const logger = silentLogger();
    const images = new ImageService({ cluster, logger, placer: new Placer(cluster, schedulerOptions()) }, options);
    const imageList = new ImageListView(cluster);
    // What these routes do not use is left out.
    const lifecycle = { use: async (container: unknown) => container, recorder: { recordOf: () => undefined } };
    const services = { cluster, lifecycle, images, imageList, logger, clock: systemClock, advertisedApi: () => '1.51' };
    const server = await startApiServer({
      listeners: [parseListenAddress('tcp://127.0.0.1:0')],
      tls: undefined,
      services: services as unknown as Services,
      handlers: HANDLERS,
      logger,
      version: '0.0.0-test',
    });
    return new ImageApi(fake, images, server);
  }

  /** One call; the answer's body is text, and parsed when it is JSON. */
  async call(method: string, path: string, init: RequestInit = {}): Promise<ApiAnswer> {
    const response = await fetch(this.url + path, { method, ...init });
    const text = await response.text();
    return { status: response.status, text, json: parse(text) };
  }

  async close(): Promise<void> {
    await this.#server.close({ graceMs: 200 });
    await this.images.close();
    await this.fake.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
  /** Undefined when the body is not one JSON value. */
  readonly json: unknown;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
