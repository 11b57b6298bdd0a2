import type { RecordFormat } from '../kv/record-view.ts';

/** A volume that was asked for and has no node yet: it is made where its first user is placed. */
export interface VolumeRecord {
  readonly name: string;
  /** The client's create body as sent, with the name filled in. */
  readonly body: string;
  /** RFC 3339, as engines write it. */
  readonly createdAt: string;
}

/** A node that was told to be a volume's home. */
export interface GivenHome {
  readonly nodeId: string;
  readonly nodeName: string;
}

/** By the volume's name. */
export const VOLUME_RECORDS: RecordFormat<VolumeRecord> = {
  read: (text) => parsed<VolumeRecord>(text, ['name', 'body', 'createdAt']),
  write: (record) => JSON.stringify(record),
};

/** By the volume's name. */
export const GIVEN_HOMES: RecordFormat<GivenHome> = {
  read: (text) => parsed<GivenHome>(text, ['nodeId', 'nodeName']),
  write: (home) => JSON.stringify(home),
};

/** Undefined for a text that lacks one of the members, all texts: no version of ours wrote it. */
function parsed<T extends object>(text: string, members: readonly (keyof T)[]): T | undefined {
  try {
    const value = JSON.parse(text) as T | null;
    return members.every((member) => typeof value?.[member] === 'string') ? (value ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}
