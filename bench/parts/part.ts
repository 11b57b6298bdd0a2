import type { BenchOptions } from '../options.ts';
import { environmentOf } from '../report/environment.ts';
import type { Fact, PartResult, Row, Sample } from '../report/result.ts';
import { Session } from '../session.ts';

/** What a part of the benchmark found in one session. */
export interface Findings {
  readonly rows?: readonly Row[];
  readonly facts?: readonly Fact[];
  readonly samples?: readonly Sample[];
}

/** One part: measures within a session of its own. */
export type Part = (session: Session) => Promise<Findings>;

/** Opens a session, runs a part in it and closes everything, also when it fails. */
export async function runPart(name: string, part: Part, options: BenchOptions): Promise<PartResult> {
  await using session = await Session.open(options);
  const {
    rows = [],
    facts = [],
    samples,
  } = await part(session).catch((error: unknown) => {
    session.assertManagersRunning();
    throw error;
  });
  const { nodes, containers, tls, manager } = options;
  return {
    part: name,
    nodes,
    containers,
    tls,
    manager,
    environment: environmentOf(),
    rows,
    facts,
    ...(samples === undefined ? {} : { samples }),
  };
}

/** Bytes as MB (10^6). */
export function megabytes(bytes: number): number {
  return bytes / 1e6;
}
