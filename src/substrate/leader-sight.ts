import { readFacts, readSwarmNodes } from './swarm-api.ts';
import type { KnownSubstrate, SubstrateMember } from './types.ts';

/** A substrate has five managers at most; more are asked when none is remembered. */
const MAX_ASKED = 32;

/** Whether one of the substrate's managers, as far as remembered, answers and has a leader. Changes nothing; never rejects but when aborted. */
export async function seesLeader(
  members: readonly SubstrateMember[],
  known: KnownSubstrate | undefined,
  marks: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<boolean> {
  const managers = new Set(known?.nodes.flatMap(({ memberId, isManager }) => (isManager ? memberId : [])));
  const healthy = members.filter(({ isHealthy }) => isHealthy);
  const remembered = healthy.filter(({ id }) => managers.has(id));
  const asked = (managers.size > 0 ? remembered : healthy).slice(0, MAX_ASKED);
  const answers = await Promise.all(asked.map((member) => hasLeader(member, marks, signal)));
  signal.throwIfAborted();
  return answers.includes(true);
}

/** What an engine tells of its swarm may be old; its list of nodes comes from the leader. */
async function hasLeader(
  { client }: SubstrateMember,
  marks: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const facts = await readFacts(client, signal);
    if (facts.kind !== 'member' || facts.swarmId === undefined || !marks.has(facts.mark ?? '')) return false;
    return (await readSwarmNodes(client, signal)).some(({ isLeader }) => isLeader);
  } catch {
    return false;
  }
}
