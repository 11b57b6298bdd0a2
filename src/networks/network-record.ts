import type { NetworkSummary } from '../engine/types.ts';
import type { RecordFormat } from '../kv/record-view.ts';

/** The form of records that this version writes. */
export const NETWORK_RECORD_FORMAT = 1;

/** A substrate as it was when something was seen in it; one that was formed anew, or from one survivor, is another. */
export interface SubstrateAge {
  readonly swarmId: string;
  readonly epoch: number;
}

/**
 * A cluster network as a client asked for it, and what it got: enough to make it again in another substrate. Members that this version
 * does not know survive a rewrite.
 */
export interface NetworkRecord {
  readonly format: number;
  /** The record's own key; the substrate's network bears it in its label. */
  readonly key: string;
  /**
   * `making`: durable before an engine is asked. `made`: durable before the client is answered. `removing`: a client wants it gone, and no
   * client sees it any more; durable before an engine is asked.
   */
  readonly state: 'making' | 'made' | 'removing';
  readonly name: string;
  /** The body of the create as the client sent it. */
  readonly body: string;
  /** The body as the substrate got it. */
  readonly made: string;
  /** Clients' labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** The ID that clients see: that of the first network that was made of it. Undefined until its create is answered. */
  readonly id?: string;
  /** As the substrate lists it, with the subnets and gateways that it really got, under its own ID there. */
  readonly summary?: NetworkSummary;
  /** Where `summary` was seen last. */
  readonly seenIn?: SubstrateAge;
}

/** A record of a newer form is left as it is, and not read. */
export const NETWORK_RECORDS: RecordFormat<NetworkRecord> = {
  read: (text, key) => {
    try {
      return readNetworkRecord(JSON.parse(text), key);
    } catch {
      return undefined;
    }
  },
  write: (record) => JSON.stringify(record),
};

/** Undefined for what this version cannot read as the record of that key. */
export function readNetworkRecord(value: unknown, key: string): NetworkRecord | undefined {
  const record = value as Partial<NetworkRecord> | null;
  if (record?.format !== NETWORK_RECORD_FORMAT || record.key !== key || typeof record.name !== 'string')
    return undefined;
  if (typeof record.made !== 'string' || typeof record.body !== 'string') return undefined;
  if (record.state !== 'making' && record.state !== 'made' && record.state !== 'removing') return undefined;
  if (record.state === 'made' && (typeof record.id !== 'string' || typeof record.summary?.Id !== 'string'))
    return undefined;
  return { ...(record as NetworkRecord), labels: record.labels ?? {} };
}
