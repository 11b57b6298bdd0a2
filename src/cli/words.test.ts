import { describe, expect, it } from 'vitest';
import { fakeIo } from '../../test/fakes/fake-io.ts';
import { run } from './program.ts';

async function enxame(...argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = fakeIo({ HOME: '/nowhere' });
  const code = await run(argv, io);
  return { code, out: io.stdout(), err: io.stderr() };
}

describe('help', () => {
  it.each([
    [
      ['help', 'machine', 'create'],
      ['machine', 'create', '--help'],
    ],
    [
      ['help', 'machine'],
      ['machine', '--help'],
    ],
    [
      ['help', 'manage'],
      ['manage', '--help'],
    ],
    [
      ['help', 'm'],
      ['manage', '--help'],
    ],
  ])('%j is %j', async (words, same) => {
    const helped = await enxame(...words);
    expect(helped).toMatchObject({ code: 0, err: '' });
    expect(helped.out).toBe((await enxame(...same)).out);
    expect(helped.out).toMatch(/^Usage: enxame \w+/);
  });

  it.each([['help'], ['help', '--debug']])('%j is the whole help', async (...words) => {
    expect((await enxame(...words)).out).toMatch(/^Usage: enxame \[flags\] COMMAND/);
  });

  it('knows no help of what is no command', async () => {
    expect(await enxame('help', 'nonsense')).toMatchObject({ code: 2 });
  });
});

describe('long flags with one dash', () => {
  it.each([
    [['manage', '-strategy', 'best', 'a:1'], 'Allowed choices are spread, binpack, random, cheapest'],
    [['manage', '-strategy=best', 'a:1'], 'Allowed choices are spread, binpack, random, cheapest'],
    [['manage', '-cluster-opt', 'swarm.overcommit=x', 'a:1'], 'overcommit'],
    [['manage', '-heartbeat', '0s', 'a:1'], '--heartbeat should be at least one second'],
    [['m', '-advertise', 'nonsense', 'a:1'], '--advertise should be of the form'],
    [['-experimental', '-log-level', 'loud', 'list', 'a:1'], 'Allowed choices are'],
    [['join', '-addr', 'a:1', '-ttl', 'x', 'token://x'], '--ttl "x" is not a duration'],
    [['machine', 'create', '-driver', 'nome', 'x'], 'Driver "nome" not found'],
  ])('%j', async (words, why) => {
    const { code, err } = await enxame(...words);
    expect(err).toContain(why);
    expect(code).toBe(2);
  });

  it.each([
    // `-f` with its value, as always; and what is not a flag of the command is one the person mistyped.
    [['manage', '-fbest', 'a:1'], 'unknown filter "best"'],
    [['list', '-strategy', 'spread', 'a:1'], "unknown option '-strategy'"],
  ])('%j stays as it is', async (words, why) => {
    expect((await enxame(...words)).err).toContain(why);
  });

  it.each(['panic', 'fatal', 'error', 'warn', 'warning', 'info', 'debug'])('takes the log level %s', async (level) => {
    expect(await enxame('-l', level, 'list', '10.0.0.1:1')).toEqual({ code: 0, out: '10.0.0.1:1\n', err: '' });
  });
});
