/** A volume that was asked for and has no node yet: it is made where its first user is placed. */
export interface VolumeRecord {
  readonly name: string;
  /** The client's create body as sent, with the name filled in. */
  readonly body: string;
  /** RFC 3339, as engines write it. */
  readonly createdAt: string;
}

/** Keeps {@link VolumeRecord}s over restarts of the manager. Writes are durable when their promise resolves. */
export interface VolumeRecordStore {
  put(record: VolumeRecord): Promise<void>;
  /** Resolves also when there is none. */
  delete(name: string): Promise<void>;
  list(): Promise<readonly VolumeRecord[]>;
}

/** Keeps records as long as the process runs. */
export function memoryVolumeRecords(): VolumeRecordStore {
  const records = new Map<string, VolumeRecord>();
  return {
    async put(record) {
      records.set(record.name, record);
    },
    async delete(name) {
      records.delete(name);
    },
    async list() {
      return [...records.values()];
    },
  };
}
