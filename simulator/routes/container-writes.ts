import type { ContainerSeed, PortBinding } from '../container.ts';
import { isTrue, withContainer } from './container-reads.ts';
import type { RouteContext, RouteTable } from './route.ts';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Creating, starting, ending and changing containers. */
export const containerWriteRoutes: RouteTable = {
  'POST containers/create': (context) => context.exchange.readJson((body) => create(context, body)),
  'POST containers/{}/start': withContainer(({ state, exchange }, container) => {
    exchange.empty(state.start(container) ? 204 : 304);
  }),
  'POST containers/{}/stop': withContainer(({ state, exchange }, container) => {
    exchange.empty(state.stop(container) ? 204 : 304);
  }),
  'POST containers/{}/restart': withContainer(({ state, exchange }, container) => {
    state.stop(container);
    state.start(container);
    exchange.empty(204);
  }),
  'POST containers/{}/kill': withContainer(({ state, exchange, name }, container) => {
    if (state.stop(container, 137, 'kill')) exchange.empty(204);
    else exchange.error(409, `cannot kill container: ${name}: container ${container.id} is not running`);
  }),
  'POST containers/{}/pause': withContainer(({ state, exchange }, container) => {
    state.pause(container, true);
    exchange.empty(204);
  }),
  'POST containers/{}/unpause': withContainer(({ state, exchange }, container) => {
    state.pause(container, false);
    exchange.empty(204);
  }),
  'POST containers/{}/rename': withContainer(({ state, exchange }, container) => {
    const name = exchange.query.get('name') ?? '';
    if (state.isNameTaken(name)) return exchange.error(409, conflictText(name, state.find(name)?.id ?? ''));
    state.rename(container, name);
    exchange.empty(204);
  }),
  'POST containers/{}/update': withContainer(({ state, exchange }, container) => {
    exchange.readJson(({ RestartPolicy }) => {
      if (container.hostConfigJson !== undefined && RestartPolicy)
        container.hostConfigJson = JSON.stringify({ ...JSON.parse(container.hostConfigJson), RestartPolicy });
      state.events.emit('container', 'update', container.id, { ...container.labels, name: container.name });
      exchange.json(200, '{"Warnings":null}');
    });
  }),
  'POST containers/{}/resize': withContainer(({ exchange }) => exchange.send(200, '', 'text/plain')),
  'POST containers/{}/wait': withContainer(wait),
  'DELETE containers/{}': withContainer(({ state, exchange, name }, container) => {
    if (container.state === 'running' && !isTrue(exchange.query.get('force'))) {
      return exchange.error(
        409,
        `cannot remove container "${name}": container is running: stop the container before removing or force remove`,
      );
    }
    state.remove(container);
    exchange.empty(204);
  }),
};

function create({ state, exchange }: RouteContext, body: Record<string, unknown>): void {
  const name = exchange.query.get('name')?.replace(/^\//, '');
  if (name !== undefined && !NAME.test(name)) {
    exchange.error(400, `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
    return;
  }
  if (name !== undefined && state.isNameTaken(name)) {
    exchange.error(409, conflictText(name, state.find(name)?.id ?? ''));
    return;
  }
  const image = typeof body.Image === 'string' ? body.Image : '';
  if (image === '') {
    exchange.error(400, 'no command specified');
    return;
  }
  if (state.images.size > 0 && state.findImage(image) === undefined) {
    exchange.error(404, `No such image: ${image.includes(':') ? image : `${image}:latest`}`);
    return;
  }
  for (const volume of namedVolumes(body)) state.needVolume(volume);
  const container = state.create({ ...toSeed(body), image, ...(name === undefined ? {} : { name }) });
  exchange.json(201, `{"Id":"${container.id}","Warnings":[]}\n`);
}

function conflictText(name: string, id: string): string {
  return `Conflict. The container name "/${name}" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`;
}

/** Named volumes of `Binds`: an engine makes those that are missing. */
function namedVolumes({ HostConfig }: CreateBody): readonly string[] {
  const sources = (HostConfig?.Binds ?? []).map((bind) => bind.split(':')[0] ?? '');
  return sources.filter((source) => NAME.test(source));
}

interface CreateBody {
  readonly Labels?: Record<string, string>;
  readonly Cmd?: readonly string[] | string;
  readonly HostConfig?: {
    readonly NetworkMode?: string;
    readonly Binds?: readonly string[] | null;
    readonly PortBindings?: Record<string, readonly { HostIp?: string; HostPort?: string }[]>;
  };
  readonly NetworkingConfig?: { readonly EndpointsConfig?: Record<string, unknown> };
}

function toSeed(body: Record<string, unknown>): ContainerSeed {
  const { HostConfig: hostConfig = {}, NetworkingConfig: networking, ...config } = body as CreateBody;
  const mode = hostConfig.NetworkMode;
  const attached = Object.keys(networking?.EndpointsConfig ?? {});
  const named = mode === undefined || mode === 'default' || mode === '' ? attached : [mode, ...attached];
  return {
    labels: config.Labels ?? {},
    command: [config.Cmd ?? []].flat().join(' '),
    configJson: JSON.stringify({ Hostname: '', Env: [], ...config, Labels: config.Labels ?? {} }),
    hostConfigJson: JSON.stringify({ ...hostConfig, NetworkMode: mode ?? 'bridge' }),
    networks: [...new Set(named)].filter((name) => name !== 'bridge'),
    ports: Object.entries(hostConfig.PortBindings ?? {}).flatMap(([port, bindings]) => toPorts(port, bindings ?? [])),
  };
}

function toPorts(port: string, bindings: readonly { HostIp?: string; HostPort?: string }[]): Partial<PortBinding>[] {
  const [number = '0', protocol = 'tcp'] = port.split('/');
  return bindings.map((binding) => ({
    ip: binding.HostIp || '0.0.0.0',
    privatePort: Number(number),
    publicPort: Number(binding.HostPort || 0) || 32_768 + Math.floor(Math.random() * 20_000),
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
  }));
}

const WAIT_HEAD = 'application/json';

/** Engines send the head at once and the code when the container ended; `next-exit` waits for the next end even if not running. */
function wait({ state, exchange }: RouteContext, container: ReturnType<RouteContext['state']['find']> & object): void {
  const reply = exchange.stream(WAIT_HEAD);
  const answer = (exitCode: number): void => {
    reply.write(`{"StatusCode":${exitCode}}\n`);
    reply.end();
  };
  const condition = exchange.query.get('condition') ?? 'not-running';
  if (condition === 'not-running' && container.state !== 'running') {
    answer(container.exitCode);
    return;
  }
  exchange.onClose(state.onExit(container, answer));
}
