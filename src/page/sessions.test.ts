import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { type Session, Sessions } from './sessions.ts';

describe('sessions', () => {
  const world = (): { readonly clock: FakeClock; readonly sessions: Sessions; readonly ended: Session[] } => {
    const clock = new FakeClock();
    const sessions = new Sessions(clock);
    const ended: Session[] = [];
    sessions.onEnd = (session) => ended.push(session);
    return { clock, sessions, ended };
  };

  test('links are good for two minutes, once, and not without end', async () => {
    const { clock, sessions } = world();
    const [old, fresh] = [sessions.makeLink(true), sessions.makeLink(true)];
    expect(old).toMatch(/^[\w-]{43}$/);
    expect(old).not.toBe(fresh);
    expect(sessions.login(fresh)?.session.actions).toBe(true);
    expect(sessions.login(fresh)).toBeUndefined();
    await clock.advance(120_000);
    expect(sessions.login(old)).toBeUndefined();
    const first = sessions.makeLink(false);
    for (let more = 0; more < 32; more += 1) sessions.makeLink(false);
    expect(sessions.login(first)).toBeUndefined();
  });

  test('end after two hours of silence, and after a day in any case', async () => {
    const { clock, sessions, ended } = world();
    const login = sessions.login(sessions.makeLink(false));
    if (!login) throw new Error('no login');
    const { cookie, token } = login;
    for (let hour = 0; hour < 23; hour += 1) {
      await clock.advance(3_600_000);
      expect(sessions.find(cookie, token)).toBe(login.session);
    }
    await clock.advance(3_600_000);
    expect(sessions.find(cookie, token)).toBeUndefined();
    const idle = sessions.login(sessions.makeLink(false));
    await clock.advance(2 * 3_600_000);
    sessions.sweep();
    expect(ended).toEqual([login.session, idle?.session]);
  });

  test('are bounded: the oldest ones end', () => {
    const { sessions, ended } = world();
    const first = sessions.login(sessions.makeLink(false));
    for (let more = 0; more < 128; more += 1) sessions.login(sessions.makeLink(false));
    expect(ended).toEqual([first?.session]);
    expect(sessions.find(first?.cookie ?? '', first?.token ?? '')).toBeUndefined();
  });
});
