import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { FakeEngine } from '../../simulator/fake-engine.ts';
import { type ManagerProcess, ReplicatedManagers, until } from './replicated-managers.ts';

/** A store with servers that run. */
export interface ReplicationKind {
  readonly name: string;
  /** The discovery argument of managers. */
  uri(prefix: string): string | Promise<string>;
  /** It does not serve from here until it is given back. */
  takeAway(): Promise<void>;
  giveBack(): Promise<void>;
  /** Where a primary is suspended: with a store whose leases last long, not everywhere. */
  readonly suspensions: readonly Suspension[];
}

/** A call to an engine in the middle of which the primary is suspended. */
export interface Suspension {
  readonly during: 'a create' | 'a drain' | 'a failover';
  /** The call as `FakeEngine.hold` takes it. */
  readonly call: string;
  /** Whether the engine carries it out at once, or when there is another primary: it was in a buffer on the way. */
  readonly lands: 'at once' | 'late';
}

const CREATE = 'POST /containers/create';
export const SUSPENSIONS: readonly Suspension[] = [
  { during: 'a create', call: CREATE, lands: 'at once' },
  { during: 'a create', call: CREATE, lands: 'late' },
  { during: 'a drain', call: CREATE, lands: 'late' },
  { during: 'a drain', call: 'POST /containers/*/start', lands: 'late' },
  { during: 'a drain', call: 'POST /containers/*/stop', lands: 'at once' },
  { during: 'a drain', call: 'DELETE /containers/*', lands: 'late' },
  { during: 'a failover', call: CREATE, lands: 'at once' },
  { during: 'a failover', call: 'POST /containers/*/start', lands: 'late' },
];

/** What several managers do over a store, as processes over simulated engines. */
export function testReplication(kind: ReplicationKind): void {
  describe(`managers that share ${kind.name}`, () => {
    let managers: ReplicatedManagers;
    let made = 0;
    beforeAll(async () => {
      managers = await ReplicatedManagers.start(await kind.uri('managers'));
    });
    afterAll(() => managers?.close());
    beforeEach(async () => {
      await kind.giveBack();
      await managers.mend();
      await managers.empty();
    });

    it('have one primary, and another one when it is killed', async () => {
      const { primary, replicas } = await managers.roles();
      const [one, other] = replicas as [ManagerProcess, ManagerProcess];
      expect((await managers.info(one)).get('Primary')).toBe(`127.0.0.1:${primary.port}`);
      await managers.make(one, 'before', false);
      expect((await managers.create(other, 'before')).status).toBe(409);
      const killedAt = performance.now();
      await managers.kill(primary);
      // One whose answer was lost may have been made.
      await until('a create', async () => [201, 409].includes((await managers.create(other, 'after')).status ?? 0));
      const seconds = ((performance.now() - killedAt) / 1000).toFixed(1);
      console.log(`${kind.name}: create through another manager ${seconds} s after kill -9 of the primary`);
      await managers.startOne(primary);
      await showEverywhere(['after created', 'before created']);
    });

    it('refuse changes while it is down, show what there is, and go on when it is back', async () => {
      const { primary, replicas } = await managers.roles();
      const [one] = replicas as [ManagerProcess];
      await managers.make(one, 'there', false);
      await showEverywhere(['there created']);
      await kind.takeAway();
      await until('the primary to step down', async () => (await managers.info(primary)).get('Role') === 'replica');
      await showEverywhere(['there created']);
      await until('a refusal', async () => {
        const { status, said } = await managers.create(one, 'refused');
        return status === 503 && String(said).includes('No elected primary');
      });
      const warning = /the store that managers share: [^\n]+Changes are refused meanwhile/;
      await until('a warning', async () => warning.test(await warningOf(one)));
      await kind.giveBack();
      await managers.remove(one, 'there');
      await showEverywhere([]);
      expect(managers.copies()).toEqual([]);
    });

    it.each(kind.suspensions)(
      'lose and double nothing when the primary is suspended in $during: $call, carried out $lands',
      async ({ during, call, lands }) => {
        const { primary, replicas } = await managers.roles();
        const [one] = replicas as [ManagerProcess];
        const isNew = during === 'a create';
        // The name of one that is undone is free a little later.
        const name = `web${made++}`;
        if (!isNew) await managers.make(one, name);
        const from = managers.engines.find(({ state }) => state.containers.size > 0);
        const holds = managers.engines.map((engine) => engine.hold(call));
        onTestFinished(() => {
          for (const hold of holds) hold.release();
        });
        const asked = isNew ? managers.create(one, name) : undefined;
        if (during === 'a drain') await managers.setAvailability(one, from as FakeEngine, 'drain');
        if (during === 'a failover') await from?.apply({ kind: 'refuse' });
        const early = asked?.then(({ status, said }) => {
          throw new Error(`answered before an engine was asked: ${status} ${said}`);
        });
        await Promise.race([...holds.map(({ held }) => held), ...(early ? [early] : [])]);
        early?.catch(() => undefined);
        primary.process?.child.kill('SIGSTOP');
        if (lands === 'at once') for (const hold of holds) hold.release();
        await managers.roles(replicas);
        for (const hold of holds) hold.release();
        primary.process?.child.kill('SIGCONT');
        await until(
          'the earlier primary to follow',
          async () => (await managers.info(primary)).get('Role') === 'replica',
        );
        await from?.apply({ kind: 'none' });
        const answer = await asked;
        const drained = `${name} running on ${from?.state.profile.name}`;
        if (during === 'a drain') await until('the drain', async () => !managers.copies().includes(drained));
        if (answer?.status === 201) await showEverywhere([`${name} created`]);
        else if (isNew) await showEverywhere([`${name} created`], []);
        else await showEverywhere([`${name} running`]);
        if (during === 'a drain') await managers.setAvailability(one, from as FakeEngine, 'active');
        await managers.remove(one, name);
        await showEverywhere([]);
      },
    );

    async function warningOf(member: ManagerProcess): Promise<string> {
      const { value } = await managers.call<{ readonly Warnings?: readonly string[] }>(member, 'GET', '/info');
      return (value?.Warnings ?? []).join('\n');
    }

    /** Every manager shows one of these, and engines have just that. */
    async function showEverywhere(...allowed: readonly (readonly string[])[]): Promise<void> {
      let seen: unknown;
      const isSo = async (): Promise<boolean> => {
        const shown = await Promise.all(managers.members.map((member) => managers.listed(member)));
        const there = managers
          .copies()
          .map((copy) => copy.replace(/ on .*/, ''))
          .sort();
        seen = { shown, there: managers.copies() };
        return allowed.some((wanted) => [...shown, there].every((each) => each?.join() === wanted.join()));
      };
      await until('managers and engines to agree', isSo).catch((error: unknown) => {
        throw new Error(`${error}: ${JSON.stringify({ allowed, seen })}`);
      });
    }
  });
}
