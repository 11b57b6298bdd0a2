import { EngineError, reasonOf } from '../common/errors.ts';
import type { EngineClient } from './client.ts';
import { EngineAnswerError, type EngineRequest, messageOf } from './exchange.ts';
import { container, details } from './shapes/containers.ts';
import { event } from './shapes/event.ts';
import { type ImageReport, image, imageReport } from './shapes/images.ts';
import { network } from './shapes/networks.ts';
import { list, type Shape } from './shapes/shape.ts';
import { info, version } from './shapes/system.ts';
import { type PruneReport, pruneReport, usage } from './shapes/usage.ts';
import { type VolumeList, volumeList } from './shapes/volumes.ts';
import type {
  ContainerDetails,
  ContainerSummary,
  DiskUsage,
  EngineEvent,
  EngineInfo,
  EngineVersion,
  ImageSummary,
  NetworkSummary,
} from './types.ts';

/**
 * What engines' answers must be like before anything here reads them. Clients get one answer made of many engines' parts, and one wrong
 * member makes Go's decoders throw away all of it: every member they know is checked. Names are those of moby's `api/types`.
 */
export const ANSWERS: {
  readonly version: Shape<EngineVersion>;
  readonly info: Shape<EngineInfo>;
  readonly containers: Shape<readonly ContainerSummary[]>;
  readonly images: Shape<readonly ImageSummary[]>;
  readonly networks: Shape<readonly NetworkSummary[]>;
  readonly network: Shape<NetworkSummary>;
  readonly volumes: Shape<VolumeList>;
  readonly event: Shape<EngineEvent>;
  readonly details: Shape<ContainerDetails>;
  readonly imageReport: Shape<ImageReport>;
  readonly pruneReport: Shape<PruneReport>;
  readonly usage: Shape<DiskUsage>;
} = {
  version,
  info,
  containers: list(container),
  images: list(image),
  networks: list(network),
  network,
  volumes: volumeList,
  event,
  details,
  imageReport,
  pruneReport,
  usage,
};

/** An engine answered something else than the Engine API has there. */
export class MalformedAnswerError extends EngineError {
  constructor(what: string, why: string) {
    super(`${what} is not as the Docker Engine API has it: ${why}`, 'ENGINE_MALFORMED');
  }
}

/** Parses an answer and checks it. `what` begins the message of the {@link MalformedAnswerError}: `GET /info`, `an event`. */
export function parseAnswer<T>(body: Buffer | string, shape: Shape<T>, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch (error) {
    throw new MalformedAnswerError(what, `it is not JSON (${reasonOf(error)})`);
  }
  const wrong = shape(value);
  if (wrong === undefined) return value as T;
  throw new MalformedAnswerError(
    what,
    wrong.replace(/^\.|^ /, (start) => (start === ' ' ? 'it ' : '')),
  );
}

/** A buffered call whose answer is JSON of a shape. Rejects for answers of 400 and more, and for another shape. */
export async function askEngine<T>(client: EngineClient, request: EngineRequest, shape: Shape<T>): Promise<T> {
  const { statusCode, body } = await client.request({ maxBytes: MAX_ANSWER_BYTES, ...request });
  if (statusCode >= 400) throw new EngineAnswerError(messageOf(body), statusCode);
  return parseAnswer(body, shape, `${request.method} ${request.path.split('?')[0]}`);
}

/** An engine that says more is not listened to: reading it would hold up everything else. A create's body has 16 MiB at most. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
