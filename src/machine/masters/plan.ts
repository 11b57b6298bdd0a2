/** A master, as the store of the masters is to have it. */
export interface Master {
  readonly machine: string;
  /** Of its server in the store; another one each time it is made anew. */
  readonly server: string;
  /** Where the other servers reach it: `https://10.0.0.1:2380`. */
  readonly peerUrl: string;
}

/** A server of the store, as it is. */
export interface Member {
  readonly id: string;
  /** Empty until it was started for the first time. */
  readonly name: string;
  readonly peerUrl: string;
  /** It has no vote yet. */
  readonly isLearner: boolean;
  /** It answers now; for one with a vote: and has a leader. */
  readonly isHealthy: boolean;
}

/** What is to be done next to let the servers follow the masters. */
export type MemberStep =
  /** No server is there: the one of this master begins the store. */
  | { readonly kind: 'found'; readonly master: Master }
  | { readonly kind: 'add'; readonly master: Master }
  /** It was added, and has to be started on its machine. */
  | { readonly kind: 'start'; readonly master: Master }
  | { readonly kind: 'promote'; readonly member: Member }
  | { readonly kind: 'remove'; readonly member: Member }
  /** Its machine has another address now. */
  | { readonly kind: 'move'; readonly member: Member; readonly master: Master }
  /** Nothing can be done without losing what the store has, or its majority. */
  | { readonly kind: 'stuck'; readonly why: string }
  | { readonly kind: 'done' };

/** How many votes a decision takes. */
export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The next step from the servers that are to those that the masters are to have; one at a time, and never one after which those that answer
 * are no majority. A server without its master goes first, a new one begins without a vote and gets it when it has caught up: two servers with
 * a vote are lost with either of them, so the second waits for a third. Pure; to be asked again after each step.
 */
export function nextMemberStep(masters: readonly Master[], members: readonly Member[]): MemberStep {
  const [first] = masters;
  if (members.length === 0) return first === undefined ? { kind: 'done' } : { kind: 'found', master: first };
  const voters = members.filter(({ isLearner }) => !isLearner);
  const healthy = voters.filter(({ isHealthy }) => isHealthy);
  if (healthy.length < majorityOf(voters.length))
    return {
      kind: 'stuck',
      why: `${healthy.length} of its ${voters.length} servers with a vote answer, and changes need ${majorityOf(voters.length)}`,
    };
  const pairs = members.map((member) => ({ member, master: masterOf(member, masters) }));
  const surplus = pairs.filter(({ master }) => master === undefined).map(({ member }) => member);
  const learner = pairs.find(({ member, master }) => member.isLearner && master !== undefined);
  const missing = masters.find((master) => !pairs.some((pair) => pair.master === master));
  const moved = pairs.find(({ member, master }) => master !== undefined && member.peerUrl !== master.peerUrl);
  return (
    removal(surplus, voters, healthy) ??
    (moved?.master && { kind: 'move', member: moved.member, master: moved.master }) ??
    growth({ learner, missing, isReplacing: surplus.length > 0, voters: voters.length }) ??
    leftover(surplus, masters, voters)
  );
}

/** Whether a server is a master's: by its name, or by its address as long as it was never started. */
export function isServerOf({ server, peerUrl }: Master, member: Member): boolean {
  return member.name === '' ? member.peerUrl === peerUrl : member.name === server;
}

function masterOf(member: Member, masters: readonly Master[]): Master | undefined {
  return masters.find((master) => isServerOf(master, member));
}

/** One that is away goes before one that answers. */
function removal(
  surplus: readonly Member[],
  voters: readonly Member[],
  healthy: readonly Member[],
): MemberStep | undefined {
  const member = surplus.find((each) => each.isLearner || !each.isHealthy) ?? surplus[0];
  if (member === undefined) return undefined;
  if (member.isLearner || !member.isHealthy) return { kind: 'remove', member };
  const left = voters.length - 1;
  return left > 0 && healthy.length - 1 >= majorityOf(left) ? { kind: 'remove', member } : undefined;
}

interface Growth {
  readonly learner: { readonly member: Member; readonly master: Master | undefined } | undefined;
  readonly missing: Master | undefined;
  readonly isReplacing: boolean;
  readonly voters: number;
}

function growth({ learner, missing, isReplacing, voters }: Growth): MemberStep | undefined {
  if (learner?.master === undefined) return missing && { kind: 'add', master: missing };
  const { member, master } = learner;
  if (member.name === '' || !member.isHealthy) return { kind: 'start', master };
  const isOdd = (voters + 1) % 2 === 1;
  return isOdd || isReplacing || missing !== undefined ? { kind: 'promote', member } : undefined;
}

function leftover(surplus: readonly Member[], masters: readonly Master[], voters: readonly Member[]): MemberStep {
  const [member] = surplus;
  if (member === undefined || masters.length === 0) return { kind: 'done' };
  const why =
    voters.length === 1
      ? `${member.name} is its only server with a vote`
      : `without ${member.name} those that answer are no majority`;
  return { kind: 'stuck', why };
}
