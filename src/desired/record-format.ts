import type { RecordFormat } from '../kv/record-view.ts';
import { type ContainerRecord, RECORD_FORMAT, type RecordBody } from './record.ts';

const WANTED: readonly unknown[] = ['created', 'running', 'paused', 'stopped'];

/** Members that this version does not know survive a rewrite; a record of a newer form is not read. */
export const CONTAINER_RECORDS: RecordFormat<ContainerRecord> = {
  read: (text, key) => {
    const record = parsed(text) as Partial<ContainerRecord> | undefined;
    if (record?.format !== RECORD_FORMAT || record.key !== key || typeof record.name !== 'string') return undefined;
    if (typeof record.current?.nodeId !== 'string' || typeof record.current.attempt !== 'string') return undefined;
    return WANTED.includes(record.wanted) && record.terms ? shared(record as ContainerRecord, key) : undefined;
  },
  write: (record) => JSON.stringify(record),
  readsAsWritten: true,
};

/** With each text once in memory that a record says several times. */
function shared(record: ContainerRecord, key: string): ContainerRecord {
  const { id, current } = record;
  const attempt = current.attempt === key ? key : current.attempt;
  const engineId = id !== undefined && current.engineId === id ? id : current.engineId;
  return { ...record, key, current: { ...current, attempt, ...(engineId !== undefined && { engineId }) } };
}

/** Undefined for a text that this version cannot read. */
export function readBody(text: string): RecordBody | undefined {
  const body = parsed(text) as Partial<RecordBody> | undefined;
  if (body?.format !== RECORD_FORMAT || typeof body.source?.text !== 'string') return undefined;
  return { ...(body as RecordBody), amendments: body.amendments ?? [] };
}

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
