import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Master, type Member, majorityOf, nextMemberStep } from './plan.ts';

const master = (name: string): Master => ({
  machine: name,
  server: `${name}-1`,
  peerUrl: `https://10.0.0.${name.charCodeAt(0)}:2380`,
});
const member = (name: string, more: Partial<Member> = {}): Member => ({
  id: name,
  name: `${name}-1`,
  peerUrl: master(name).peerUrl,
  isLearner: false,
  isHealthy: true,
  ...more,
});
const learner = (name: string, more: Partial<Member> = {}): Member => member(name, { isLearner: true, ...more });
const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(master) as [Master, Master, Master, Master];
const away = { isHealthy: false };
const unstarted = { name: '', isLearner: true, isHealthy: false };

describe('nextMemberStep', () => {
  it.each<[string, readonly Master[], readonly Member[], string]>([
    ['nothing for nobody', [], [], 'done'],
    ['the first begins the store', [a, b], [], 'found a'],
    ['the second is added', [a, b], [member('a')], 'add b'],
    ['and started', [a, b], [member('a'), member('b', unstarted)], 'start b'],
    ['and has no vote as long as there are two', [a, b], [member('a'), learner('b')], 'done'],
    ['it gets its vote for the third', [a, b, c], [member('a'), learner('b')], 'promote b'],
    ['which is added', [a, b, c], [member('a'), member('b')], 'add c'],
    ['and gets its vote', [a, b, c], [member('a'), member('b'), learner('c')], 'promote c'],
    ['three are as they should be', [a, b, c], [member('a'), member('b'), member('c')], 'done'],
    ['a learner that does not answer is started', [a, b, c], [member('a'), member('b'), learner('c', away)], 'start c'],
    ['the fourth waits for a fifth', [a, b, c, d], [...[a, b, c].map((x) => member(x.machine)), learner('d')], 'done'],
    ['one that goes is removed', [a, b], [member('a'), member('b'), member('c')], 'remove c'],
    ['a dead one before one that lives', [a], [member('a'), member('b'), member('c', away)], 'remove c'],
    ['two stay two', [a, b], [member('a'), member('b')], 'done'],
    ['the last but one goes', [a], [member('a'), member('b')], 'remove b'],
    ['a dead one is replaced: removed first', [a, b, d], [member('a'), member('b'), member('c', away)], 'remove c'],
    ['and then added', [a, b, d], [member('a'), member('b')], 'add d'],
    [
      'one that is made anew at the same address too',
      [a, { ...b, server: 'b-2' }],
      [member('a'), member('b')],
      'remove b',
    ],
    ['the only vote passes over first', [b], [member('a'), learner('b')], 'promote b'],
    ['or to one that is added', [b], [member('a')], 'add b'],
    ['another address is told', [{ ...a, peerUrl: 'https://10.9.9.9:2380' }], [member('a')], 'move a'],
    ['the last one goes with its machine', [], [member('a')], 'done'],
    ['no majority, no change', [a, b], [member('a'), member('b', away)], 'stuck 1 of its 2'],
    [
      'no vote is given up that a majority needs',
      [b, c],
      [member('a'), member('b'), member('c', away)],
      'stuck without a-1',
    ],
  ])('%s', (_what, masters, members, expected) => {
    const step = nextMemberStep(masters, members);
    const of = 'master' in step && step.kind !== 'move' ? step.master.machine : 'member' in step ? step.member.id : '';
    const said = step.kind === 'stuck' ? `stuck ${step.why}` : `${step.kind} ${of}`.trim();
    expect(said).toContain(expected);
  });

  it('never leaves those that answer without a majority, and comes to an end', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const world = fc.record({
      masters: fc.uniqueArray(names, { maxLength: 5 }),
      members: fc.uniqueArray(fc.record({ name: names, isHealthy: fc.boolean(), isLearner: fc.boolean() }), {
        maxLength: 5,
        selector: ({ name }) => name,
      }),
    });
    fc.assert(
      fc.property(world, ({ masters, members }) => {
        // A store has at most one learner, and a vote at least.
        let now = members.map((each, i) =>
          member(each.name, {
            ...each,
            name: `${each.name}-1`,
            isLearner: i > 0 && each.isLearner && i === members.length - 1,
          }),
        );
        const wanted = masters.map(master);
        for (let steps = 0; ; steps++) {
          expect(steps).toBeLessThan(40);
          const step = nextMemberStep(wanted, now);
          if (step.kind === 'done' || step.kind === 'stuck') break;
          const had = hasMajority(now);
          now = after(step, now);
          // What a step changes takes a majority before it, and leaves one.
          if (step.kind !== 'found') expect(had).toBe(true);
          expect(hasMajority(now)).toBe(true);
          expect(now.filter(({ isLearner }) => isLearner).length).toBeLessThanOrEqual(1);
        }
        const last = nextMemberStep(wanted, now);
        if (last.kind === 'done' && wanted.length > 0)
          expect(now.map(({ name }) => name).sort()).toEqual(wanted.map(({ server }) => server).sort());
      }),
      { numRuns: 2_000 },
    );
  });
});

function hasMajority(members: readonly Member[]): boolean {
  const voters = members.filter(({ isLearner }) => !isLearner);
  return voters.filter(({ isHealthy }) => isHealthy).length >= majorityOf(voters.length);
}

/** What a step makes of the servers. */
function after(step: ReturnType<typeof nextMemberStep>, members: readonly Member[]): Member[] {
  switch (step.kind) {
    case 'found':
      return [member(step.master.machine)];
    case 'add':
      return [...members, member(step.master.machine, unstarted)];
    case 'start':
      return members.map((each) => (each.peerUrl === step.master.peerUrl ? learner(step.master.machine) : each));
    case 'promote':
      return members.map((each) => (each === step.member ? { ...each, isLearner: false } : each));
    case 'remove':
      return members.filter((each) => each !== step.member);
    case 'move':
      return members.map((each) => (each === step.member ? { ...each, peerUrl: step.master.peerUrl } : each));
    default:
      return [...members];
  }
}
