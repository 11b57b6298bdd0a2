import { setMember } from '../common/json-edit.ts';
import type { SpecEdits } from '../desired/container-spec.ts';
import { isUserDefined } from '../scheduler/host-config.ts';
import { fieldsOf, stringsOf, textOf } from '../scheduler/json.ts';

/** What changes in a create body before it goes to an engine; everything else is passed on as it came. */
export interface CreateEdits extends SpecEdits {
  /** The engine must not start it by itself: its restarts are the manager's. */
  readonly isSupervised?: boolean;
  /** Another reference for the same image; undefined leaves it. */
  readonly image: string | undefined;
  /** What engines know containers by, for references to containers (`--link`, `--volumes-from`, `--network container:`). */
  readonly engineReference: (container: string) => string;
  /** What containers are called in networks, for links there. */
  readonly networkName: (container: string) => string;
  /** Paths whose volumes without a name are filled before the container's start: the engine leaves them empty. */
  readonly emptyVolumes?: readonly string[];
  /** The short ID that names the container in networks and as a host, when it is not its engine's. */
  readonly shortId?: string;
}

const NO_RESTARTS = '{"Name":"no","MaximumRetryCount":0}';

interface EditableBody {
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly HostConfig?: {
    readonly NetworkMode?: string;
    readonly PidMode?: string;
    readonly IpcMode?: string;
    readonly VolumesFrom?: readonly string[] | null;
    readonly Links?: readonly string[] | null;
  } | null;
  readonly NetworkingConfig?: {
    readonly EndpointsConfig?: Readonly<
      Record<string, { readonly Links?: unknown; readonly Aliases?: unknown } | null>
    > | null;
  } | null;
}

/** Applies the edits to the body's text, touching only the members that change. */
export function editCreateBody(text: string, value: unknown, edits: CreateEdits): string {
  const body = value as EditableBody;
  let edited = text;
  if (edits.image !== undefined) edited = setMember(edited, ['Image'], JSON.stringify(edits.image));
  if (edits.env) edited = setMember(edited, ['Env'], JSON.stringify(edits.env));
  if (Object.keys(edits.labels).length > 0) {
    edited = setMember(edited, ['Labels'], JSON.stringify({ ...body.Labels, ...edits.labels }));
  }
  if (edits.cpuShares !== undefined) edited = setMember(edited, ['HostConfig', 'CpuShares'], String(edits.cpuShares));
  if (edits.isSupervised) edited = setMember(edited, ['HostConfig', 'RestartPolicy'], NO_RESTARTS);
  for (const [path, changed] of [...changedReferences(body, edits), ...changedLinks(body, edits)]) {
    edited = setMember(edited, path, JSON.stringify(changed));
  }
  if (edits.emptyVolumes) edited = withEmptyVolumes(edited, edits.emptyVolumes);
  return edits.shortId === undefined ? edited : withShortId(edited, edits.shortId);
}

/** Each becomes a mount of a new volume, whichever way the body or the image asked for it. */
function withEmptyVolumes(text: string, paths: readonly string[]): string {
  if (paths.length === 0) return text;
  const { HostConfig } = JSON.parse(text) as {
    readonly HostConfig?: { readonly Binds?: unknown; readonly Mounts?: unknown } | null;
  };
  const binds = stringsOf(HostConfig?.Binds);
  const mounts = Array.isArray(HostConfig?.Mounts) ? (HostConfig.Mounts as readonly unknown[]) : [];
  const isMeant = (path: unknown): boolean => paths.includes(textOf(path).replace(/(.)\/+$/, '$1'));
  const others = mounts.filter((mount) => !isMeant(fieldsOf(mount).Target));
  const empty = paths.map((Target) => {
    const asked = fieldsOf(mounts.find((mount) => textOf(fieldsOf(mount).Target).replace(/(.)\/+$/, '$1') === Target));
    return { Type: 'volume', Target, ...asked, VolumeOptions: { ...fieldsOf(asked.VolumeOptions), NoCopy: true } };
  });
  const edited = setMember(text, ['HostConfig', 'Mounts'], JSON.stringify([...others, ...empty]));
  const left = binds.filter((bind) => !isMeant(bind));
  return left.length === binds.length ? edited : setMember(edited, ['HostConfig', 'Binds'], JSON.stringify(left));
}

/** What an engine derives from its own ID of a container, derived from another one. */
function withShortId(text: string, shortId: string): string {
  const { Hostname, HostConfig, NetworkingConfig } = JSON.parse(text) as EditableBody & { readonly Hostname?: unknown };
  const mode = textOf(HostConfig?.NetworkMode);
  if (mode === 'host' || mode.startsWith('container:')) return text;
  const endpoints = NetworkingConfig?.EndpointsConfig ?? {};
  const networks = new Set([...(isUserDefined(mode) ? [mode] : []), ...Object.keys(endpoints).filter(isUserDefined)]);
  let edited = Hostname ? text : setMember(text, ['Hostname'], JSON.stringify(shortId));
  for (const network of networks) {
    const aliases = [...stringsOf(endpoints[network]?.Aliases), shortId];
    const endpoint = { ...endpoints[network], Aliases: aliases };
    // A whole endpoint where there was none, else one member of it: large numbers survive.
    const path = ['NetworkingConfig', 'EndpointsConfig', network];
    edited = endpoints[network]
      ? setMember(edited, [...path, 'Aliases'], JSON.stringify(aliases))
      : setMember(edited, path, JSON.stringify(endpoint));
  }
  return edited;
}

type Change = readonly [path: readonly string[], value: unknown];

/** References that the engine resolves itself among its own containers. */
function changedReferences({ HostConfig }: EditableBody, { engineReference }: CreateEdits): Change[] {
  const changed: Change[] = [];
  for (const key of ['NetworkMode', 'PidMode', 'IpcMode'] as const) {
    const mode = HostConfig?.[key];
    if (typeof mode !== 'string' || !mode.startsWith('container:')) continue;
    const translated = `container:${engineReference(mode.slice('container:'.length))}`;
    if (translated !== mode) changed.push([['HostConfig', key], translated]);
  }
  const isLegacy = !isUserDefined(textOf(HostConfig?.NetworkMode));
  for (const key of isLegacy ? (['VolumesFrom', 'Links'] as const) : (['VolumesFrom'] as const)) {
    const translated = translatedLinks(HostConfig?.[key], engineReference);
    if (translated) changed.push([['HostConfig', key], translated]);
  }
  return changed;
}

/**
 * Links in networks of the user's own are names that the network resolves: the linked container may be on any node. Engines
 * ignore the host configuration's links there, but not when it is in several networks and its mode is changed for that.
 */
function changedLinks({ HostConfig, NetworkingConfig }: EditableBody, { networkName }: CreateEdits): Change[] {
  const endpoints = Object.entries(NetworkingConfig?.EndpointsConfig ?? {});
  const changed: Change[] = [];
  for (const [network, endpoint] of endpoints) {
    const translated = translatedLinks(endpoint?.Links, networkName);
    if (translated) changed.push([['NetworkingConfig', 'EndpointsConfig', network, 'Links'], translated]);
  }
  const isIgnored = isUserDefined(textOf(HostConfig?.NetworkMode)) && (HostConfig?.Links?.length ?? 0) > 0;
  if (isIgnored && endpoints.length > 1) changed.push([['HostConfig', 'Links'], null]);
  return changed;
}

/** `container:alias` and `container` with the container replaced; undefined when nothing changes. */
function translatedLinks(links: unknown, translate: (container: string) => string): readonly unknown[] | undefined {
  if (!Array.isArray(links)) return undefined;
  const translated = links.map((link: unknown) => {
    if (typeof link !== 'string') return link;
    const colon = link.indexOf(':');
    return colon < 0 ? translate(link) : translate(link.slice(0, colon)) + link.slice(colon);
  });
  return translated.some((link, i) => link !== links[i]) ? translated : undefined;
}
