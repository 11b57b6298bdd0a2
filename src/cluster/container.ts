import { ROLE_LABEL } from '../common/labels.ts';
import type { ContainerSummary, PortSummary } from '../engine/types.ts';
import type { ContainerView } from '../scheduler/types.ts';
import type { Node } from './node.ts';
import { readStatus, renderStatus, type Status } from './status.ts';

/** The label that carries the identity clients see when it differs from the engine's own ID (a moved container). */
export const IDENTITY_LABEL = 'com.docker.swarm.id';

/**
 * How names are listed. Docker CLIs before 29.4 show a name with a slash only when there is no other: they get
 * `node` (`/node/name` alone), as classic swarm listed it. CLIs from 29.4 skip every name with a slash, and
 * other clients take the first one: they get `plain` (`/name`, then `/node/name`).
 */
export type NameStyle = 'node' | 'plain';

const HOST_DOWN: Status = { before: 'Host Down', after: '', sinceMs: undefined };

interface KeptEntry {
  readonly style: NameStyle;
  readonly isHealthy: boolean;
  readonly validUntilMs: number;
  readonly bytes: Buffer;
}

/**
 * One container: parsed facts for lookups, and its list entry kept serialised so that listing only copies text.
 * Immutable; a changed container is a new object.
 */
export class Container implements ContainerView {
  readonly engineId: string;
  /** The identity that {@link IDENTITY_LABEL} claims; the engine's own ID without one. */
  readonly claimedId: string;
  /** The identity clients see; the engine's own ID unless the container carries {@link IDENTITY_LABEL} and may. */
  readonly id: string;
  /** Without leading slash. */
  readonly name: string;
  /** Its names as a link of other containers (`web/db`), without leading slash. */
  readonly links: readonly string[];
  readonly node: Node;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly imageId: string;
  readonly state: string;
  readonly createdSeconds: number;
  /** When it was first listed: engines list whole seconds only, and `docker ps -l` must show the last one created. */
  readonly seenMs: number;
  readonly status: Status;
  /** The list entry without Names, Status and Id, from a comma to the end. */
  readonly #rest: string;
  /** `"/node/name"` as JSON, and its names as a link. */
  readonly #qualified: string;
  readonly #plain: string;
  /** What the last filtered listing showed; 'asked' when there was one, which is not worth keeping yet. */
  #kept: KeptEntry | 'asked' | undefined;

  /** `shown` is what the list entry does not tell. */
  constructor(
    node: Node,
    summary: ContainerSummary,
    nowMs: number,
    earlier?: Container,
    shown?: { readonly id: string; readonly status: Status },
  ) {
    const { Names, Status: statusText, Id, ...rest } = summary;
    this.node = node;
    this.engineId = Id;
    this.labels = listableLabels(summary.Labels ?? {});
    this.claimedId = identityOf(Id, this.labels);
    this.id = shown?.id ?? this.claimedId;
    this.name = ownName(Names ?? [], summary.Id);
    this.image = summary.Image;
    this.imageId = summary.ImageID;
    this.state = summary.State;
    this.createdSeconds = summary.Created;
    this.seenMs = earlier?.seenMs ?? nowMs;
    this.status =
      shown?.status ?? readStatus(statusText, nowMs, earlier?.state === summary.State ? earlier.status : undefined);
    const listed = {
      ...rest,
      ...(rest.Labels && { Labels: this.labels }),
      Ports: reachablePorts(summary.Ports ?? [], node.address),
    };
    this.#rest = `,${JSON.stringify(listed).slice(1)}`;
    this.links = (Names ?? []).map((each) => each.replace(/^\//, '')).filter((each) => each.includes('/'));
    this.#qualified = [this.name, ...this.links].map((each) => JSON.stringify(`/${node.name}/${each}`)).join(',');
    this.#plain = [this.name, ...this.links].map((each) => JSON.stringify(`/${each}`)).join(',');
  }

  /** The same container with the identity that it claims, or without it. */
  identified(isGranted: boolean): Container {
    const summary = { ...this.entry(), Id: this.engineId, Names: [this.name, ...this.links], Status: '' };
    const id = isGranted ? this.claimedId : this.engineId;
    return new Container(this.node, summary, this.seenMs, this, { id, status: this.status });
  }

  get nodeId(): string {
    return this.node.id;
  }

  /** Whether it belongs to the swarm itself (an agent, a manager) and not to its users. */
  get isOfSwarm(): boolean {
    return (this.labels[ROLE_LABEL] ?? '') !== '';
  }

  /** Whether `docker ps` without `-a` shows it; containers of an unreachable node and of the swarm itself only show with `-a`. */
  get isListedByDefault(): boolean {
    if (this.isOfSwarm) return false;
    return (this.state === 'running' || this.state === 'paused' || this.state === 'restarting') && this.node.isHealthy;
  }

  /** The list entry as JSON text and until when (ms) its age text stays true. */
  render(style: NameStyle, nowMs: number): { readonly text: string; readonly validUntilMs: number } {
    const names = style === 'node' ? this.#qualified : `${this.#plain},${this.#qualified}`;
    const status = renderStatus(this.node.isHealthy ? this.status : HOST_DOWN, nowMs);
    return {
      text: `{"Names":[${names}],"Status":${JSON.stringify(status.text)},"Id":"${this.id}"${this.#rest}`,
      validUntilMs: status.validUntilMs,
    };
  }

  /**
   * The list entry as bytes, which must not be modified. Kept from the second time on, until the age's words change; for listings
   * of many containers that come again and again.
   */
  bytes(style: NameStyle, nowMs: number): Buffer {
    const kept = this.#kept;
    const isHealthy = this.node.isHealthy;
    if (typeof kept === 'object' && kept.style === style && kept.isHealthy === isHealthy && kept.validUntilMs > nowMs)
      return kept.bytes;
    const { text, validUntilMs } = this.render(style, nowMs);
    const bytes = Buffer.from(text);
    this.#kept = kept === undefined ? 'asked' : { style, isHealthy, validUntilMs, bytes };
    return bytes;
  }

  /** The list entry parsed anew, for the filters that need more than the facts kept apart. */
  entry(): Omit<ContainerSummary, 'Names' | 'Status'> {
    return JSON.parse(`{"Id":"${this.id}"${this.#rest}`);
  }

  /** The list entry but for its age, as JSON text without its ID: what is noted of it. */
  get record(): string {
    return `{"Names":[${JSON.stringify(`/${this.name}`)}],"Status":""${this.#rest}`;
  }

  /** Whether its list entry has a text anywhere. */
  mentions(text: string): boolean {
    return this.#rest.includes(text);
  }

  /** Whether listing it would give the same text as `other` (ages apart). */
  isSameAs(other: Container): boolean {
    return (
      this.#rest === other.#rest &&
      this.#qualified === other.#qualified &&
      this.status.before === other.status.before &&
      this.status.after === other.status.after &&
      this.status.sinceMs === other.status.sinceMs
    );
  }
}

/** Labels of one container in characters; with more of them, every listing of everything would carry them. */
const MAX_LABELS_CHARS = 1024 * 1024;

/** The labels, or one that says that they are left out; an inspect has them. */
function listableLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  let chars = 0;
  for (const key in labels) chars += key.length + (labels[key]?.length ?? 0);
  if (chars <= MAX_LABELS_CHARS) return labels;
  return { 'enxame.labels': `${chars} characters, left out of listings` };
}

/** The identity of an engine's container: its label when that is a well-formed ID, else the engine's own. */
export function identityOf(engineId: string, labels: Readonly<Record<string, string>>): string {
  const label = labels[IDENTITY_LABEL];
  return label !== undefined && /^[0-9a-f]{64}$/.test(label) ? label : engineId;
}

/** Engines list link aliases (`/web/db`) beside the own name (`/db`): the own one has a single slash. */
function ownName(names: readonly string[], id: string): string {
  const own = names.find((name) => name.lastIndexOf('/') === 0) ?? names[0];
  return own ? own.replace(/^\//, '') : id.slice(0, 12);
}

/** Ports with the node's own address for those bound to all addresses, each published port once. */
export function reachablePorts(ports: readonly PortSummary[], nodeAddress: string): PortSummary[] {
  const seen = new Set<string>();
  const reachable: PortSummary[] = [];
  for (const port of ports) {
    const isEverywhere = port.PublicPort !== undefined && (port.IP === '0.0.0.0' || port.IP === '::' || !port.IP);
    const shown = isEverywhere ? { ...port, IP: nodeAddress } : port;
    const key = `${shown.IP ?? ''}|${shown.PublicPort ?? ''}|${shown.PrivatePort}|${shown.Type}`;
    if (seen.has(key)) continue;
    seen.add(key);
    reachable.push(shown);
  }
  return reachable;
}
