import { ROLE_LABEL } from '../common/labels.ts';
import type { ContainerSummary, PortSummary } from '../engine/types.ts';
import type { ContainerView } from '../scheduler/types.ts';
import { type EndpointPorts, portsAtEndpoint } from './endpoint-ports.ts';
import type { KnownCopy } from './identities.ts';
import { readStatus, type Status } from './status.ts';

/** The label of a moved container with the ID that clients see, for people at its engine. Who a container is, records say alone. */
export const IDENTITY_LABEL = 'com.docker.swarm.id';

/**
 * Label of a container that was made in place of one that had never been started, on another node: `<move>/<how many were made with
 * it>`. It tells a manager that comes after a killed one what belongs together.
 */
export const REGROUP_LABEL = 'io.enxame.regroup';

/** What a container tells of the node that it is on. */
interface Host {
  readonly id: string;
  readonly name: string;
  readonly entry: string;
  readonly address: string;
  readonly isHealthy: boolean;
  /** Where a container's ports are at the endpoint; undefined when none is meant to be. */
  endpointPorts?(engineId: string): EndpointPorts | undefined;
}

/**
 * One container on a node `N`: parsed facts for lookups, and the rest of its list entry kept serialised so that listing only copies text.
 * Immutable; a changed container is a new object.
 */
export class ListedContainer<N extends Host> implements ContainerView {
  readonly engineId: string;
  /** The identity that {@link IDENTITY_LABEL} claims without a record that says so; the engine's own ID without such a claim. */
  readonly claimedId: string;
  /** Whether a record says who it is. */
  readonly isRecorded: boolean;
  /** Whether a record says who it is, or said so: one whose record is gone is about to be removed. */
  readonly wasRecorded: boolean;
  /** The identity clients see; the engine's own ID unless the container was moved. */
  readonly id: string;
  /** What engines called it before it was moved. */
  readonly formerIds: readonly string[];
  /** Without leading slash. */
  readonly name: string;
  /** Its names as a link of other containers (`web/db`), without leading slash. */
  readonly links: readonly string[];
  /** Of a container at a site: the node there that has it, as of its last listing. */
  readonly siteNode: string | undefined;
  readonly node: N;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly imageId: string;
  readonly state: string;
  readonly createdSeconds: number;
  /** When it was first listed: engines list whole seconds only, and `docker ps -l` must show the last one created. */
  readonly seenMs: number;
  readonly status: Status;
  /** The list entry without Names, Status and Id as JSON text, from a comma to the end. */
  readonly listed: string;

  /** `status` is given for an entry that does not tell it; `known` is what a record says of it. */
  constructor(
    node: N,
    summary: ContainerSummary,
    nowMs: number,
    earlier?: ListedContainer<N>,
    { status, known }: { readonly status?: Status | undefined; readonly known?: KnownCopy | undefined } = {},
  ) {
    const { Names, Status: statusText, Id, ...rest } = summary;
    this.node = node;
    this.engineId = Id;
    const labels = summary.Labels ?? {};
    this.isRecorded = known !== undefined;
    this.wasRecorded = this.isRecorded || earlier?.wasRecorded === true;
    this.labels = listableLabels(known ? withoutMoveLabels(labels) : labels);
    this.claimedId = known ? Id : identityOf(Id, this.labels);
    this.id = known?.id ?? Id;
    this.formerIds = known?.formerIds ?? NONE;
    this.name = ownName(Names ?? [], summary.Id);
    this.siteNode = summary.SiteNode;
    this.image = summary.Image;
    this.imageId = summary.ImageID;
    this.state = summary.State;
    this.createdSeconds = summary.Created;
    this.seenMs = earlier?.seenMs ?? nowMs;
    this.status =
      status ?? readStatus(statusText, nowMs, earlier?.state === summary.State ? earlier.status : undefined);
    const entry = {
      ...rest,
      ...(rest.Labels && { Labels: this.labels }),
      Ports: reachablePorts(summary.Ports ?? [], node.address),
    };
    this.listed = `,${JSON.stringify(entry).slice(1)}`;
    this.links = (Names ?? []).map((each) => each.replace(/^\//, '')).filter((each) => each.includes('/'));
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

  /** The list entry parsed anew, for those who need more than the facts kept apart; its ports are those at its node. */
  entry(): Omit<ContainerSummary, 'Names' | 'Status'> {
    return JSON.parse(`{"Id":"${this.id}"${this.listed}`);
  }

  /** Its ports as clients reach them: at the endpoint where they are open there, else at its node. */
  get ports(): readonly PortSummary[] {
    return portsAtEndpoint(this.entry().Ports ?? [], this.node.endpointPorts?.(this.engineId));
  }

  /** {@link listed} with {@link ports}. */
  get shown(): string {
    const endpoint = this.node.endpointPorts?.(this.engineId);
    if (!endpoint || endpoint.open.size === 0) return this.listed;
    const { Id: _, ...entry } = this.entry();
    return `,${JSON.stringify({ ...entry, Ports: portsAtEndpoint(entry.Ports ?? [], endpoint) }).slice(1)}`;
  }

  /** What is noted of it: the list entry but for its age, as JSON text without its ID; see `NotedContainer`. */
  get note(): string {
    const mark = this.wasRecorded ? '"wasRecorded":true,' : '';
    return `{${mark}"Names":[${JSON.stringify(`/${this.name}`)}],"Status":""${this.listed}`;
  }

  /** Whether its list entry has a text anywhere. */
  mentions(text: string): boolean {
    return this.listed.includes(text);
  }

  /** Whether listing it would give the same text as `other` (ages apart). */
  isSameAs(other: ListedContainer<N>): boolean {
    return (
      this.listed === other.listed &&
      this.id === other.id &&
      this.isRecorded === other.isRecorded &&
      this.formerIds.join() === other.formerIds.join() &&
      this.name === other.name &&
      this.links.join() === other.links.join() &&
      this.status.before === other.status.before &&
      this.status.after === other.status.after &&
      this.status.sinceMs === other.status.sinceMs
    );
  }
}

const NONE: readonly string[] = [];

/** Labels by which a move says what it made: not what a client asked for. */
export const MOVE_LABELS: readonly string[] = [IDENTITY_LABEL, REGROUP_LABEL];

/** Without {@link MOVE_LABELS}; the same object when there are none. */
export function withoutMoveLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (!MOVE_LABELS.some((label) => label in labels)) return labels;
  return Object.fromEntries(Object.entries(labels).filter(([label]) => !MOVE_LABELS.includes(label)));
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
