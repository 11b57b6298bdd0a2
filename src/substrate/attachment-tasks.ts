import type { EngineClient } from '../engine/client.ts';

/** What the swarm holds for one container that is attached to networks, or is to be; the members that are read here. */
export interface AttachmentTask {
  readonly NodeID?: string;
  /** `new` until the swarm has given it addresses. */
  readonly Status?: { readonly State?: string };
  readonly Spec?: {
    readonly NetworkAttachmentSpec?: { readonly ContainerID?: string };
    readonly Networks?: readonly { readonly Target?: string }[];
  };
  readonly NetworksAttachments?:
    | readonly { readonly Network?: { readonly ID?: string }; readonly Addresses?: readonly string[] | null }[]
    | null;
}

/** Bound on the question, in milliseconds: a manager whose leader just vanished answers only after the next election. */
const ASK_MS = 5_000;

/** The swarm's attachments, of one swarm node or of all, from a manager that sees a leader; rejects without one. */
export function readAttachmentTasks(
  client: EngineClient,
  signal: AbortSignal,
  nodeId?: string,
): Promise<readonly AttachmentTask[]> {
  const wanted = { runtime: ['attachment'], ...(nodeId !== undefined && { node: [nodeId] }) };
  const path = `/tasks?filters=${encodeURIComponent(JSON.stringify(wanted))}`;
  return client.json<AttachmentTask[]>({ method: 'GET', path, signal, timeoutMs: ASK_MS });
}

const ENDED: ReadonlySet<string> = new Set(['failed', 'rejected', 'complete', 'shutdown', 'orphaned', 'remove']);

/** Whether the swarm holds nothing for it any more. */
export function hasEnded(status: AttachmentTask['Status']): boolean {
  return ENDED.has(status?.State ?? '');
}
