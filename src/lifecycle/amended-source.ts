import { forEachMember, memberText, removeMember, setMember } from '../common/json-edit.ts';
import type { SpecSource } from '../desired/container-spec.ts';
import type { Amendment, RecordBody } from '../desired/record.ts';
import { FENCE_LABEL } from '../desired/term-labels.ts';
import { isUserDefined } from '../scheduler/host-config.ts';

/** A create that makes a container as it is by now. */
export interface AmendedSource {
  readonly source: SpecSource;
  /** Networks it is to be disconnected from before its start: the network of its mode, which a create cannot leave out. */
  readonly disconnects: readonly string[];
}

interface NetworkedBody {
  readonly HostConfig?: { readonly NetworkMode?: unknown } | null;
  readonly NetworkingConfig?: { readonly EndpointsConfig?: Readonly<Record<string, unknown>> | null } | null;
}

/**
 * What a record's container is made from anew: the body of its create with what clients changed since. Made in one step, a successor
 * is never half amended, and is placed by what it asks for now.
 *
 * @param idOf one name for all the references to a network
 */
export function amendedSource(
  { source, amendments }: Pick<RecordBody, 'source' | 'amendments'>,
  idOf: (network: string) => string,
): AmendedSource {
  if (amendments.length === 0) return { source, disconnects: [] };
  const updated = amendments.reduce(
    (text, each) => (each.kind === 'update' ? withUpdate(text, each.body) : text),
    source.text,
  );
  const { text, disconnects } = withNetworks(withFence(updated, amendments), amendments, idOf);
  // Shares of an update are an engine's own, never whole CPUs.
  const hasShares = amendments.some((each) => each.kind === 'update' && isSet(memberText(each.body, ['CpuShares'])));
  return { source: { ...source, text, ...(hasShares ? { largestNodeCpus: 0 } : {}) }, disconnects };
}

/** The members of an update are those of a create's host configuration; what an engine reads as "leave it" is left. */
function withUpdate(text: string, update: string): string {
  let edited = text;
  forEachMember(update, (name, start, end) => {
    const value = update.slice(start, end);
    const isPolicy = name === 'RestartPolicy';
    if (isPolicy ? isSet(memberText(value, ['Name'])) : isSet(value) || (name === 'PidsLimit' && value === '0'))
      edited = setMember(edited, ['HostConfig', name], value);
  });
  return edited;
}

function withFence(text: string, amendments: readonly Amendment[]): string {
  const last = amendments.findLast(({ kind }) => kind === 'fence');
  return last?.kind === 'fence' ? setMember(text, ['Labels', FENCE_LABEL], JSON.stringify(last.is)) : text;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['null', '0', '""', 'false', '[]', '{}'].includes(value);
}

function withNetworks(
  text: string,
  amendments: readonly Amendment[],
  idOf: (network: string) => string,
): { readonly text: string; readonly disconnects: readonly string[] } {
  const original = endpointsOf(text);
  const endpoints = new Map(original);
  const same = (network: string): string | undefined =>
    [...endpoints.keys()].find((each) => idOf(each) === idOf(network));
  for (const each of amendments) {
    if (each.kind === 'update' || each.kind === 'fence') continue;
    const known = same(each.network);
    if (known !== undefined) endpoints.delete(known);
    if (each.kind === 'connect') endpoints.set(each.network, memberText(each.body, ['EndpointConfig']) ?? '{}');
  }
  const mode = modeOf(text);
  const isModeLeft = original.has(mode) && same(mode) === undefined;
  const isChanged = amendments.some(({ kind }) => kind === 'connect' || kind === 'disconnect');
  if (!isChanged) return { text, disconnects: [] };
  const modeEndpoint = original.get(mode);
  const all = isModeLeft && modeEndpoint !== undefined ? [[mode, modeEndpoint] as const, ...endpoints] : [...endpoints];
  const members = all.map(([name, value]) => `${JSON.stringify(name)}:${value}`);
  const edited =
    all.length === 0
      ? removeMember(text, ['NetworkingConfig', 'EndpointsConfig'])
      : setMember(text, ['NetworkingConfig', 'EndpointsConfig'], `{${members.join(',')}}`);
  return { text: edited, disconnects: isModeLeft ? [mode] : [] };
}

/** Every network that the create connects to, that of its mode first, with the text of its endpoint. */
function endpointsOf(text: string): Map<string, string> {
  const { NetworkingConfig } = JSON.parse(text) as NetworkedBody;
  const mode = modeOf(text);
  const names = Object.keys(NetworkingConfig?.EndpointsConfig ?? {});
  const isJoined = isUserDefined(mode) || mode === 'bridge';
  const first = isJoined ? [mode, ...names.filter((name) => name !== mode)] : names;
  return new Map(first.map((name) => [name, memberText(text, ['NetworkingConfig', 'EndpointsConfig', name]) ?? '{}']));
}

/** `bridge` for the default one, by the name that all engines have for it. */
function modeOf(text: string): string {
  const mode = (JSON.parse(text) as NetworkedBody).HostConfig?.NetworkMode;
  return typeof mode !== 'string' || mode === '' || mode === 'default' ? 'bridge' : mode;
}
