import type { Node } from '../../cluster/node.ts';
import { BadRequestError } from '../../common/errors.ts';
import { gather } from '../../images/gather.ts';
import type { JsonMessage } from '../../images/json-messages.ts';
import { type PullSink, pullEverywhere } from '../../images/pull-everywhere.ts';
import { encodeReference } from '../../images/tags.ts';
import { readBody } from '../body.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { healthyNodes } from '../node-calls.ts';
import { openOnNode, streamFromNode } from '../proxy.ts';
import { uploadToNode } from '../upload.ts';
import { watched } from '../watched-answer.ts';

/** Images that come and go: pull, import, load, save, push. */
export const imageTransferRoutes: RouteHandlers = {
  'POST /images/create': createImage,
  'POST /images/load': loadImages,
  'GET /images/{name}/get': (call) => saveImages(call, [param(call, 'name')]),
  'GET /images/get': (call) => saveImages(call, call.query.getAll('names')),
  'POST /images/{name}/push': pushImage,
};

/** One endpoint for two things: `fromImage` pulls, `fromSrc` imports. */
async function createImage(call: Call): Promise<void> {
  if (call.query.get('fromImage')) return pullImage(call);
  const [repo, tag] = [call.query.get('repo'), call.query.get('tag')];
  const names = repo ? [tag ? `${repo}:${tag}` : repo] : [];
  await uploadSomewhere(call, '/images/create', () => names);
}

async function loadImages(call: Call): Promise<void> {
  const names: string[] = [];
  const onMessage = ({ stream }: JsonMessage): void => {
    const name = /^Loaded image: (\S+)/.exec(stream ?? '')?.[1];
    if (name !== undefined) names.push(name);
  };
  await uploadSomewhere(call, '/images/load', () => names, onMessage);
}

/** Streams the body to one node; the others copy from it what they need, when they need it. */
async function uploadSomewhere(
  call: Call,
  path: string,
  names: () => readonly string[],
  onMessage: (message: JsonMessage) => void = () => undefined,
): Promise<void> {
  const node = call.services.images.builds.builder;
  const beforeEnd = (): Promise<void> => call.services.images.settle(node, names());
  await uploadToNode(call, node, { path: path + call.search }, watched({ onMessage, beforeEnd }));
}

async function pullImage(call: Call): Promise<void> {
  const { images } = call.services;
  const [single, ...more] = images.pullPolicy === 'one' ? [images.builds.builder] : healthyNodes(call);
  const reference = pulledReference(call.query);
  if (single && more.length === 0) return pullOnOne(call, single, reference);
  const nodes = single ? [single, ...more] : more;
  const { sink, end } = messageSink(call);
  const header = call.req.headers['x-registry-auth'];
  const registryAuth = Array.isArray(header) ? header[0] : header;
  const name = reference ?? call.query.get('fromImage') ?? '';
  const { signal } = call;
  const now = (): number => call.services.clock.now();
  const pulled = await pullEverywhere(nodes, name, { query: call.query, registryAuth }, sink, { signal, now });
  const [first] = pulled;
  if (first && reference !== undefined)
    await images.tags.settle(mostAgreed(call, pulled, reference) ?? first, reference);
  end();
}

/** The engine's own progress, layer by layer. */
async function pullOnOne(call: Call, node: Node, reference: string | undefined): Promise<void> {
  const stream = await openOnNode(call, node, { path: `/images/create${call.search}`, body: '' });
  const beforeEnd = (): Promise<void> => call.services.images.settle(node, reference === undefined ? [] : [reference]);
  try {
    await watched({ beforeEnd })(call, stream, await stream.head(call.signal));
  } finally {
    stream.destroy();
  }
}

/** A node on which most of those that pulled agree what the reference is now. */
function mostAgreed(call: Call, pulled: readonly Node[], reference: string): Node | undefined {
  const { images } = call.services.cluster;
  const record = images.find(reference, (node) => pulled.includes(node));
  return pulled.find((node) => record && images.meanings(reference).get(node) === record.id);
}

/** What a pull is about; undefined when it asks for all tags of a repository. */
function pulledReference(query: URLSearchParams): string | undefined {
  const [from, tag] = [query.get('fromImage') ?? '', query.get('tag')];
  if (tag) return tag.startsWith('sha256:') ? `${from}@${tag}` : `${from}:${tag}`;
  return from.includes('@') || from.lastIndexOf(':') > from.lastIndexOf('/') ? from : undefined;
}

/** Begins the answer with the first message. A slow client loses progress, never results. */
function messageSink({ res }: Call): { readonly sink: PullSink; end(): void } {
  const begin = (): void => {
    if (!res.headersSent) res.writeHead(200, { 'Content-Type': 'application/json' });
  };
  const sink: PullSink = {
    write(message, isDispensable) {
      begin();
      if (!isDispensable || !res.writableNeedDrain) res.write(`${JSON.stringify(message)}\r\n`);
    },
  };
  return {
    sink,
    end: () => {
      begin();
      res.end();
    },
  };
}

async function saveImages(call: Call, names: readonly string[]): Promise<void> {
  if (names.length === 0) throw new BadRequestError('save images: name at least one image', 'NO_IMAGE');
  const { cluster, images } = call.services;
  await images.sessions.settle();
  const { node, references } = await gather(cluster, images.distribution, names, call.signal);
  const query = new URLSearchParams(call.query);
  query.delete('names');
  for (const reference of references) query.append('names', reference);
  await streamFromNode(call, node, { path: `/images/get?${query}` });
}

async function pushImage(call: Call): Promise<void> {
  const { cluster, images } = call.services;
  const [name, tag] = [param(call, 'name'), call.query.get('tag')];
  const body = await readBody(call);
  await images.sessions.settle();
  const { node } = await gather(cluster, images.distribution, [tag ? `${name}:${tag}` : name], call.signal);
  const stream = await openOnNode(call, node, { path: `/images/${encodeReference(name)}/push${call.search}`, body });
  try {
    // The push gave the image a digest: listed from now on.
    const beforeEnd = (): Promise<void> => call.services.images.settle(node, []);
    await watched({ beforeEnd })(call, stream, await stream.head(call.signal));
  } finally {
    stream.destroy();
  }
}
