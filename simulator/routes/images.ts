import type { Image } from '../engine-state.ts';
import type { RouteContext, RouteTable } from './route.ts';

/** Images: enough to list, inspect, pull, tag, load, save and remove. */
export const imageRoutes: RouteTable = {
  'GET images/json': ({ state, exchange }) => {
    exchange.json(200, `[${[...state.images.values()].map(toListEntry).join(',')}]\n`);
  },
  'GET images/{}/json': withImage(({ exchange }, image) => exchange.json(200, toInspect(image))),
  'GET images/{}/history': withImage(({ exchange }, image) => {
    exchange.json(
      200,
      JSON.stringify([
        {
          Id: image.id,
          Created: Math.floor(image.createdAt / 1000),
          CreatedBy: '',
          Tags: image.tags,
          Size: image.size,
          Comment: '',
        },
      ]),
    );
  }),
  'GET images/{}/get': withImage(({ exchange }) => exchange.send(200, Buffer.alloc(10_240), 'application/x-tar')),
  'GET images/get': ({ exchange }) => exchange.send(200, Buffer.alloc(10_240), 'application/x-tar'),
  'POST images/create': pull,
  'POST images/load': ({ exchange }) => {
    exchange.body = {
      data: () => undefined,
      end: () => exchange.json(200, '{"stream":"Loaded image: loaded:latest\\n"}\n'),
    };
  },
  'POST images/{}/tag': withImage(({ state, exchange }, image) => {
    const tag = `${exchange.query.get('repo') ?? ''}:${exchange.query.get('tag') || 'latest'}`;
    state.addImage(tag, image.id);
    state.events.emit('image', 'tag', image.id, { name: tag });
    exchange.send(201, '', 'text/plain');
  }),
  'DELETE images/{}': withImage(({ state, exchange }, image) => {
    state.images.delete(image.id);
    for (const tag of image.tags) state.events.emit('image', 'untag', image.id, { name: tag });
    state.events.emit('image', 'delete', image.id, { name: image.id });
    exchange.json(200, JSON.stringify([...image.tags.map((Untagged) => ({ Untagged })), { Deleted: image.id }]));
  }),
};

function withImage(handler: (context: RouteContext, image: Image) => void): (context: RouteContext) => void {
  return (context) => {
    const image = context.state.findImage(context.name);
    if (image === undefined) context.exchange.error(404, `No such image: ${context.name}`);
    else handler(context, image);
  };
}

function pull({ state, exchange }: RouteContext): void {
  const from = (exchange.query.get('fromImage') ?? '').replace(/^docker\.io\/(library\/)?/, '');
  const tag = exchange.query.get('tag');
  const name = tag === null || tag === '' ? from : `${from}:${tag}`;
  const image = state.addImage(name.includes(':') ? name : `${name}:latest`);
  state.events.emit('image', 'pull', name, { name: from });
  exchange.json(
    200,
    `{"status":"Pulling from ${from}","id":"${tag ?? 'latest'}"}\r\n{"status":"Status: Downloaded newer image for ${image.tags[0]}"}\r\n`,
  );
}

function toListEntry(image: Image): string {
  return JSON.stringify({
    Containers: -1,
    Created: Math.floor(image.createdAt / 1000),
    Id: image.id,
    Labels: image.labels,
    ParentId: '',
    RepoDigests: [],
    RepoTags: image.tags,
    SharedSize: -1,
    Size: image.size,
  });
}

function toInspect(image: Image): string {
  return JSON.stringify({
    Id: image.id,
    RepoTags: image.tags,
    RepoDigests: [],
    Parent: '',
    Comment: '',
    Created: new Date(image.createdAt).toISOString(),
    DockerVersion: '',
    Author: '',
    Config: { Env: [], Cmd: ['redis-server'], Labels: image.labels, ExposedPorts: { '6379/tcp': {} } },
    Architecture: 'amd64',
    Os: 'linux',
    Size: image.size,
    GraphDriver: { Data: null, Name: 'overlay2' },
    RootFS: { Type: 'layers', Layers: [image.id] },
    Metadata: { LastTagTime: '0001-01-01T00:00:00Z' },
  });
}
