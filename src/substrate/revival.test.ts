import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { silentLogger } from '../common/logger.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { Revival } from './revival.ts';
import type { SubstrateMember } from './types.ts';

const NETWORK = 'megwju87zx3au298960of0r8w';
const NOT_FOUND = `network ${NETWORK} not found`;

interface Ended {
  readonly status?: string;
  readonly state?: string;
  readonly error?: string;
  readonly policy?: string;
  readonly networkId?: string;
}

/** An engine with one container that ended; `answers` are what its starts reject with, undefined for success. */
function engineWith(ended: Ended, answers: readonly (string | undefined)[] = [undefined]) {
  const { status = 'Exited (255) 2 minutes ago', state = 'exited', error = NOT_FOUND } = ended;
  const { policy = 'always', networkId = NETWORK } = ended;
  let starts = 0;
  const json = async ({ method, path }: { method: string; path: string }): Promise<unknown> => {
    if (path.startsWith('/containers/json'))
      return [{ Id: 'c', Status: status, NetworkSettings: { Networks: { web: { NetworkID: networkId } } } }];
    if (method === 'GET')
      return {
        Name: '/web',
        State: { Status: state, Error: error },
        HostConfig: { RestartPolicy: { Name: policy } },
      };
    const answer = answers[Math.min(starts++, answers.length - 1)];
    if (answer !== undefined) throw new EngineAnswerError(answer, 404);
    return undefined;
  };
  return { member: { id: 'e1', name: 'one', client: { json } } as unknown as SubstrateMember, starts: () => starts };
}

function revivalAt(clock: FakeClock, stopped: readonly string[] = []): Revival {
  return new Revival({ clock, logger: silentLogger(), isStopped: (id) => stopped.includes(id) });
}

const { signal } = new AbortController();

describe('a container that ended', () => {
  test.each<{ name: string; ended: Ended; starts: number }>([
    { name: 'given up on for want of its network: started', ended: {}, starts: 1 },
    { name: 'unless-stopped too', ended: { policy: 'unless-stopped' }, starts: 1 },
    { name: 'on-failure too', ended: { policy: 'on-failure' }, starts: 1 },
    { name: 'listed without the network’s ID', ended: { networkId: '' }, starts: 1 },
    { name: 'stopped by its user', ended: { error: '', status: 'Exited (137) 1 second ago' }, starts: 0 },
    { name: 'finished by itself', ended: { error: '', status: 'Exited (0) 1 second ago' }, starts: 0 },
    { name: 'of policy no', ended: { policy: 'no' }, starts: 0 },
    { name: 'for another reason', ended: { error: 'exec: "nope": executable file not found in $PATH' }, starts: 0 },
    { name: 'running again', ended: { state: 'running' }, starts: 0 },
    { name: 'on a network of its engine alone', ended: { networkId: 'f'.repeat(64) }, starts: 0 },
  ])('$name', async ({ ended, starts }) => {
    const engine = engineWith(ended);
    await revivalAt(new FakeClock()).revive(engine.member, signal);
    expect(engine.starts()).toBe(starts);
  });

  test('is not started when a client stopped it since', async () => {
    const engine = engineWith({});
    await revivalAt(new FakeClock(), ['c']).revive(engine.member, signal);
    expect(engine.starts()).toBe(0);
  });

  test('is tried again after a while when its network is not ready yet', async () => {
    const clock = new FakeClock();
    const revival = revivalAt(clock);
    const engine = engineWith({}, [NOT_FOUND, undefined]);
    await revival.revive(engine.member, signal);
    await revival.revive(engine.member, signal);
    expect({ starts: engine.starts(), waiting: [...revival.waiting] }).toEqual({ starts: 1, waiting: ['e1'] });
    clock.advance(revival.nextMs() ?? 0);
    await revival.revive(engine.member, signal);
    expect({ starts: engine.starts(), waiting: [...revival.waiting] }).toEqual({ starts: 2, waiting: [] });
    expect(revival.nextMs()).toBeUndefined();
  });

  test('is given up after some attempts', async () => {
    const clock = new FakeClock();
    const revival = revivalAt(clock);
    const engine = engineWith({}, [NOT_FOUND]);
    do {
      await revival.revive(engine.member, signal);
      clock.advance(60_000);
    } while (revival.waiting.size > 0);
    expect(engine.starts()).toBe(10);
  });
});
