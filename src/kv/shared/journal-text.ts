import { z } from 'zod';
import { storeError } from './store-errors.ts';

/** What this version writes, and the newest it reads. */
const FORMAT = 1;

/** The text of the key `head`: how far the journal goes. */
export interface JournalHead {
  readonly revision: number;
  /** Another one with each write of the key. */
  readonly nonce: string;
}

/** One record that a write changed. */
export interface EntryChange {
  readonly kind: string;
  readonly key: string;
  /** Absent with a removal, and where the value is read from the record itself. */
  readonly value?: string | undefined;
  /** The value was too large to be written twice. */
  readonly isElsewhere?: boolean | undefined;
}

/** One write, as the journal has it. */
export interface JournalEntry {
  /** Made up by the writer, who knows its own write by it. */
  readonly nonce: string;
  readonly changes: readonly EntryChange[];
}

const Head = z.object({ format: z.number(), revision: z.number(), nonce: z.string() });
const Entry = z.object({
  nonce: z.string(),
  changes: z.array(
    z.object({
      kind: z.string(),
      key: z.string(),
      value: z.string().optional(),
      isElsewhere: z.boolean().optional(),
    }),
  ),
});

export function headText({ revision, nonce }: JournalHead): string {
  return JSON.stringify({ format: FORMAT, revision, nonce });
}

/** Throws with code `STORE_FORMAT` for what this version cannot read. */
export function readHeadText(text: string): JournalHead {
  const head = parsed(Head, text);
  if (head === undefined) throw storeError('STORE_FORMAT', 'the store has something else than records at this prefix');
  if (head.format > FORMAT)
    throw storeError('STORE_FORMAT', `a newer version wrote the records (format ${head.format}): use that one`);
  return head;
}

export function entryText(entry: JournalEntry): string {
  return JSON.stringify(entry);
}

/** Undefined for what no version of ours wrote. */
export function readEntryText(text: string): JournalEntry | undefined {
  return parsed(Entry, text);
}

/** The text of a record: the revision that wrote it, then the value. */
export function recordText(revision: number, value: string): string {
  return `${revision}\n${value}`;
}

/** Undefined for what no version of ours wrote. */
export function readRecordText(text: string): { readonly revision: number; readonly value: string } | undefined {
  const end = text.indexOf('\n');
  const number = text.slice(0, Math.max(end, 0));
  return /^\d{1,15}$/.test(number) ? { revision: Number(number), value: text.slice(end + 1) } : undefined;
}

/** Undefined for a text that is not such a value. */
export function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
