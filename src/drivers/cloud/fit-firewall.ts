import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writePrivate } from '../../common/private-file.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { isPlanned } from './planned.ts';
import type { PortRange } from './ports.ts';

/** A machine's own firewall at its provider. `Rule` is the provider's. */
export interface OwnFirewall<Rule> {
  /** Kind of its entry in the journal. */
  readonly kind: string;
  /** All rules in it, also those that people added; undefined: it is gone. */
  read(id: string, signal: AbortSignal): Promise<readonly Rule[] | undefined>;
  /** The rules that let this in. */
  readonly rules: (ranges: readonly PortRange[]) => readonly Rule[];
  /** What makes two rules the same, in one line. */
  text(rule: Rule): string;
  /** The part of that which names the port. */
  port(rule: Rule): string;
  write(id: string, change: RuleChange<Rule>, signal: AbortSignal): Promise<void>;
}

/** How a firewall's rules change. */
export interface RuleChange<Rule> {
  /** What it has afterwards. */
  readonly all: readonly Rule[];
  readonly added: readonly Rule[];
  /** As they were read. */
  readonly removed: readonly Rule[];
}

/** Which rules of it the machine made, by their texts; beside the record, which another process may be writing. */
const FILE = 'firewall.json';

/**
 * Makes a firewall have the wanted rules. Rules that the machine did not make stay. What it made is noted before and after each change; of
 * firewalls from before there were notes the rules on ports that the machine needs count as its own.
 *
 * @param wanted every rule that there should be, and `ports` those they may be about
 */
export async function fitFirewall<Rule>(
  context: DriverContext<unknown>,
  firewall: OwnFirewall<Rule>,
  { wanted, ports }: { readonly wanted: readonly Rule[]; readonly ports: readonly Rule[] },
  signal: AbortSignal,
): Promise<void> {
  const id = context.journal.find(firewall.kind)?.id;
  if (id === undefined || isPlanned(id)) return;
  const there = await firewall.read(id, signal);
  if (there === undefined) return;
  const { text, port } = firewall;
  const noted = await readNotes(context.directory);
  const needed = new Set([...ports, ...wanted].map(port));
  const isOwn = (rule: Rule): boolean => (noted ? noted.has(text(rule)) : needed.has(port(rule)));
  const texts = new Set(wanted.map(text));
  const present = new Set(there.map(text));
  const removed = there.filter((rule) => isOwn(rule) && !texts.has(text(rule)));
  const added = wanted.filter((rule) => !present.has(text(rule)));
  const own = [...there.filter(isOwn), ...added].map(text);
  if (added.length + removed.length > 0) {
    await writeNotes(context.directory, own);
    const gone = new Set(removed);
    const all = [...there.filter((rule) => !gone.has(rule)), ...added];
    await firewall.write(id, { all, added, removed }, signal);
  }
  await writeNotes(
    context.directory,
    own.filter((each) => texts.has(each)),
  );
}

/** Undefined where there are none yet. Rejects when they cannot be read: rules that people made would count as the machine's. */
async function readNotes(directory: string): Promise<ReadonlySet<string> | undefined> {
  const file = join(directory, FILE);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw unreadable(file, error);
  });
  if (text === undefined) return undefined;
  try {
    return new Set(z.array(z.string()).parse(JSON.parse(text)));
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): DriverError {
  const message = `${file}, which says what rules of its firewall are the machine's, cannot be read. Mend or remove it: without it all rules on the machine's ports are its own`;
  return new DriverError(message, 'BAD_NOTES', cause);
}

async function writeNotes(directory: string, own: readonly string[]): Promise<void> {
  await writePrivate(join(directory, FILE), `${JSON.stringify([...new Set(own)].sort())}\n`);
}
