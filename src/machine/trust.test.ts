import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../common/clock.ts';
import { coversHost, isIssuedBy, isPair, validityOf } from '../pki/certificate.ts';
import { type MachineRecord, plainEngine } from './record.ts';
import { type MachineStore, openStore, type StoredMachine } from './store.ts';
import {
  certificateWarnings,
  clientFiles,
  issueServer,
  OWN_AUTHORITY,
  readAuthority,
  renewClient,
  type TrustDeps,
} from './trust.ts';

const DAY_MS = 86_400_000;
const START = Date.parse('2026-06-01T00:00:00Z');
let nowMs = START;
let root = '';
let store: MachineStore;
let context: TrustDeps;
let machine: StoredMachine;

beforeEach(async () => {
  nowMs = START;
  root = await mkdtemp(join(tmpdir(), 'trust-'));
  store = openStore(root);
  const clock = { ...systemClock, now: () => nowMs };
  context = { store, clock, signal: new AbortController().signal };
  machine = await store.add(recordOf('queen'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

function recordOf(name: string): MachineRecord {
  const fixed = { version: 1, createdAt: '2026-06-01T00:00:00Z', driver: 'none', options: {} } as const;
  return { ...fixed, id: name, name, engine: plainEngine(), steps: [], resources: [], authority: OWN_AUTHORITY };
}

async function server(): Promise<string> {
  return await readFile(join(machine.tlsFolder, 'server.pem'), 'utf8');
}

describe('trust', () => {
  it('is one authority, however many ask for it at once', async () => {
    const all = await Promise.all([1, 2, 3].map(() => readAuthority(OWN_AUTHORITY, context)));
    expect(new Set(all.map(({ ca }) => ca.cert)).size).toBe(1);
    expect(await readAuthority(OWN_AUTHORITY, context)).toEqual(all[0]);
  });

  it('gives a machine a certificate for its hosts and keeps its key nowhere', async () => {
    const issued = await issueServer(machine, ['10.0.0.7', 'queen'], context);
    expect(isPair(issued) && isIssuedBy(issued.cert, issued.ca)).toBe(true);
    expect(coversHost(await server(), '10.0.0.7')).toBe(true);
    const client = await clientFiles(machine);
    expect(client !== undefined && isPair(client) && isIssuedBy(client.cert, issued.ca)).toBe(true);
    const files = await readdir(root, { recursive: true, withFileTypes: true });
    for (const entry of files.filter((each) => each.isFile())) {
      const path = join(entry.parentPath, entry.name);
      expect((await stat(path)).mode & 0o777, path).toBe(0o600);
      expect(await readFile(path, 'utf8'), path).not.toContain(issued.key.split('\n')[1]);
    }
  });

  it.each([
    { days: 0, texts: [] },
    { days: 794, texts: [] },
    {
      days: 810,
      texts: [
        /server certificate of "queen" expires in 15 days, on 2028-09-03: run "enxame machine regenerate-certs queen"/,
        /client certificate .* --client-certs queen/,
      ],
    },
    { days: 824.5, texts: [/expires today/, /expires today/] },
    { days: 900, texts: [/expired on 2028-09-03/, /expired on 2028-09-03/] },
  ])('warns after $days days', async ({ days, texts }) => {
    await issueServer(machine, ['queen'], context);
    nowMs = START + days * DAY_MS;
    const warnings = await certificateWarnings(machine, nowMs);
    expect(warnings).toHaveLength(texts.length);
    for (const [index, { text }] of warnings.entries()) expect(text).toMatch(texts[index] ?? /nothing/);
  });

  it('renews an authority that would end before what it issues, and old certificates stay good', async () => {
    const { cert: old } = await issueServer(machine, ['queen'], context);
    const before = await readAuthority(OWN_AUTHORITY, context);
    nowMs = START + 3000 * DAY_MS;
    const after = await renewClient(OWN_AUTHORITY, context);
    expect(after.ca.key).toBe(before.ca.key);
    expect(validityOf(after.ca.cert, nowMs).daysLeft).toBe(3650);
    expect(validityOf(after.client.cert, nowMs).daysLeft).toBe(825);
    expect(isIssuedBy(old, after.ca.cert)).toBe(true);
    expect(isIssuedBy(after.client.cert, before.ca.cert)).toBe(true);
  });

  it('says who has the key of an authority that is not here', async () => {
    await expect(readAuthority('from-alice', context)).rejects.toThrow(/has no key here: ask who exported it/);
  });

  it('says so when an authority is not complete', async () => {
    await readAuthority(OWN_AUTHORITY, context);
    await rm(join(root, 'certs', OWN_AUTHORITY, 'cert.pem'));
    await expect(readAuthority(OWN_AUTHORITY, context)).rejects.toThrow(
      /own is not complete: bring it back from a copy/,
    );
  });
});
