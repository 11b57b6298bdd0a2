import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { FakeClock } from '../../../test/fakes/fake-clock.ts';
import { fakeIo } from '../../../test/fakes/fake-io.ts';
import { run } from '../program.ts';
import { type LogLine, logLines } from './log-lines.ts';
import { LogMerger } from './log-merger.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function frame(output: number, text: string): Buffer {
  const head = Buffer.alloc(8);
  head[0] = output;
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

function stamp(seconds: number, nanoseconds: number = 0): string {
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}.${String(nanoseconds).padStart(9, '0')}Z`;
}

async function read(pieces: readonly Buffer[], isTty: boolean): Promise<readonly LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of logLines(
    (async function* () {
      yield* pieces;
    })(),
    isTty,
  ))
    lines.push(line);
  return lines;
}

describe('lines of a log', () => {
  test('are the same however the bytes come, also when outputs take turns within a line', async () => {
    const whole = Buffer.concat([
      frame(1, `${stamp(100, 5)} first é\n${stamp(101)} sec`),
      frame(2, `${stamp(102)} error\r\n`),
      frame(1, 'ond\n'),
      frame(1, 'no time'),
    ]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(whole.length), { maxLength: 10 }), async (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const lines = await read(
          at.slice(1).map((end, index) => whole.subarray(at[index], end)),
          false,
        );
        expect(lines.map(({ at: moment, text }) => [moment, text])).toEqual([
          ['0000000100.000000005', 'first é'],
          ['0000000102.000000000', 'error'],
          ['0000000101.000000000', 'second'],
          ['', 'no time'],
        ]);
      }),
    );
  });

  test('of a terminal have no frames', async () => {
    const lines = await read([Buffer.from(`${stamp(7)} \u0001 odd\n`)], true);
    expect(lines.map(({ text }) => text)).toEqual(['\u0001 odd']);
  });

  test('without end are handed on in pieces', async () => {
    const lines = await read(
      Array.from({ length: 20 }, () => frame(1, 'x'.repeat(65_536))),
      false,
    );
    expect(lines.length).toBeGreaterThan(3);
    expect(Math.max(...lines.map(({ text }) => text.length))).toBeLessThan(400_000);
  });

  test('that are no frames are refused', async () => {
    await expect(read([Buffer.from('HTTP/1.1 what is this')], false)).rejects.toThrow('not in Docker’s format');
  });
});

describe('merging', () => {
  const line = (at: number): LogLine => ({ at: String(at).padStart(10, '0'), time: '', text: String(at) });
  function merger(): { clock: FakeClock; written: string[]; merger: LogMerger } {
    const clock = new FakeClock();
    const written: string[] = [];
    const write = ({ text }: LogLine, title: string): void => void written.push(`${title}${text}`);
    return { clock, written, merger: new LogMerger({ clock, write }, { holdMs: 200, firstHoldMs: 1_000 }) };
  }

  test('waits for what every other log says next', () => {
    const { merger: merged, written } = merger();
    const [a, b] = [merged.add('a'), merged.add('b')];
    void a.push(line(1));
    void a.push(line(3));
    expect(written).toEqual([]);
    void b.push(line(2));
    expect(written).toEqual(['a1', 'b2']);
    b.end();
    expect(written).toEqual(['a1', 'b2', 'a3']);
  });

  test('does not wait for ever for a log that is silent', async () => {
    const { merger: merged, written, clock } = merger();
    const [a, b] = [merged.add('a'), merged.add('b')];
    void b.push(line(1));
    void a.push(line(2));
    expect(written).toEqual(['b1']);
    await clock.advance(199);
    expect(written).toEqual(['b1']);
    await clock.advance(1);
    expect(written).toEqual(['b1', 'a2']);
    merged.add('c');
    void a.push(line(3));
    await clock.advance(999);
    expect(written).not.toContain('a3');
    await clock.advance(1);
    expect(written).toContain('a3');
  });

  test('keeps a bounded number of lines of a log that others hold up', async () => {
    const { merger: merged, clock, written } = merger();
    const source = merged.add('a');
    merged.add('silent');
    let isFree = true;
    let pushed = 0;
    while (isFree && pushed < 10_000) {
      isFree = false;
      void source.push(line(pushed)).then(() => {
        isFree = true;
      });
      pushed += 1;
      await Promise.resolve();
    }
    expect(pushed).toBe(500);
    await clock.advance(2_000);
    expect([isFree, written.length]).toEqual([true, 500]);
  });

  test('writes each line once and each log in its order, whatever comes when', () => {
    const aLog = fc.array(fc.nat(1_000), { maxLength: 30 }).map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(
        fc.array(aLog, { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(4), { maxLength: 200 }),
        (logs, turns) => {
          const { merger: merged, written } = merger();
          const sources = logs.map((_, index) => merged.add(`${index}:`));
          const rest = logs.map((each) => [...each]);
          for (const turn of [...turns, ...logs.flatMap((each, index) => each.map(() => index))]) {
            const next = rest[turn]?.shift();
            if (next !== undefined) void sources[turn]?.push(line(next));
          }
          for (const source of sources) source.end();
          const times = written.map((each) => Number(each.split(':')[1]));
          expect(times).toEqual([...logs.flat()].sort((a, b) => a - b));
        },
      ),
    );
  });
});

interface FakeContainer {
  readonly id: string;
  readonly node: string;
  readonly name: string;
  state: string;
  lines: string[];
}

/** A manager of which each part can be told what to say; real ones are in test/engines. */
async function fakeManager(containers: FakeContainer[]): Promise<{
  readonly address: string;
  readonly queries: string[];
  say(id: string, text: string): void;
  start(container: FakeContainer): void;
  cutEvents(): void;
  cutLogs(id: string): void;
}> {
  const queries: string[] = [];
  const logs = new Map<string, Set<ServerResponse>>();
  const events = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    queries.push(request.url ?? '');
    if (url.pathname === '/events') {
      response.flushHeaders();
      events.add(response);
    } else if (url.pathname === '/containers/json') {
      const { label } = JSON.parse(url.searchParams.get('filters') ?? '{}');
      const isProject = label?.[0] === 'com.docker.compose.project=shop';
      const listed = isProject ? containers : [];
      response.end(
        JSON.stringify(
          listed.map(({ id, name, node, state }) => ({
            Id: id,
            Names: [`/${name}`, `/${node}/${name}`],
            State: state,
          })),
        ),
      );
    } else {
      const id = url.pathname.split('/')[2] ?? '';
      const container = containers.find((each) => each.id === id);
      if (!container) {
        response.statusCode = 404;
        response.end('{"message":"no such container"}');
      } else if (url.pathname.endsWith('/json')) response.end('{"Config":{"Tty":false}}');
      else {
        for (const each of container.lines) response.write(frame(1, `${each}\n`));
        if (!url.searchParams.has('follow') || container.state !== 'running') return void response.end();
        response.flushHeaders();
        const open = logs.get(id) ?? new Set();
        logs.set(id, open.add(response));
      }
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    queries,
    say: (id, text) => {
      containers.find((each) => each.id === id)?.lines.push(text);
      for (const each of logs.get(id) ?? []) each.write(frame(1, `${text}\n`));
    },
    start: (container) => {
      containers.push(container);
      for (const each of events) each.write(`{"Type":"container","Action":"start","id":"${container.id}"}\n`);
    },
    cutEvents: () => {
      for (const each of events) each.destroy();
      events.clear();
    },
    cutLogs: (id) => {
      for (const each of logs.get(id) ?? []) each.destroy();
      logs.delete(id);
    },
  };
}

const web = (): FakeContainer => ({
  id: 'aaa',
  node: 'bee-1',
  name: 'web',
  state: 'running',
  lines: [`${stamp(1)} one`, `${stamp(3)} three`],
});
const db = (): FakeContainer => ({
  id: 'bbb',
  node: 'bee-2',
  name: 'database',
  state: 'exited',
  lines: [`${stamp(2)} two`, `${stamp(4)} four`],
});

describe('enxame logs', () => {
  test('merges the logs of a project in the order of time', async () => {
    const manager = await fakeManager([web(), db()]);
    const io = fakeIo();
    expect(await run(['logs', '-H', manager.address, '--tail', '5', '--since', '100000000', 'shop'], io)).toBe(0);
    const texts = io
      .stdout()
      .split('\n')
      .map((each) => each.replace(/ +/g, ' '));
    expect(texts).toEqual([
      'bee-1/web | one',
      'bee-2/database | two',
      'bee-1/web | three',
      'bee-2/database | four',
      '',
    ]);
    const asked = manager.queries.filter((each) => each.includes('/logs?'));
    for (const each of asked) expect(each).toMatch(/timestamps=1&tail=5&since=100000000$/);
  });

  test('follows: lines that come, a container that starts, a log and events that break off', async () => {
    const manager = await fakeManager([web(), db()]);
    const io = fakeIo();
    const ended = run(['logs', '-f', '--timestamps', '-H', manager.address, 'shop'], io);
    const shown = (text: string): Promise<void> =>
      vi.waitFor(() => expect(io.stdout().match(new RegExp(text, 'g'))).toHaveLength(1), 120_000);
    await shown(`bee-2/database . ${stamp(4)} four`);
    manager.say('aaa', `${stamp(10)} later`);
    await shown('later');
    manager.start({ id: 'ccc', node: 'bee-3', name: 'web-2', state: 'running', lines: [`${stamp(11)} begun`] });
    await shown('begun');
    manager.cutLogs('aaa');
    manager.say('aaa', `${stamp(12)} after the cut`);
    await shown('after the cut');
    manager.cutEvents();
    manager.start({ id: 'ddd', node: 'bee-1', name: 'web-3', state: 'running', lines: [`${stamp(13)} unseen`] });
    await shown('unseen');
    for (const once of ['one', 'three', 'later', 'begun']) await shown(`${once}\n`);
    io.stop();
    expect(await ended).toBe(0);
    expect(io.stderr()).toContain('the log of bee-1/web broke off');
  });

  test.each([
    { line: ['nothing'], code: 1, says: 'no project, service or container is called "nothing"' },
    { line: ['--tail', 'many', 'shop'], code: 2, says: '--tail should be a number or all, not "many"' },
    { line: ['--since', 'yesterday', 'shop'], code: 2, says: '--since "yesterday" is neither a time' },
    { line: ['-f', '--until', '5m', 'shop'], code: 2, says: '--follow and --until exclude each other' },
    { line: [], code: 2, says: "missing required argument 'name'" },
  ])('$line is refused in one line', async ({ line, code, says }) => {
    const manager = await fakeManager([web()]);
    const io = fakeIo();
    expect(await run(['logs', '-H', manager.address, ...line], io)).toBe(code);
    expect(io.stderr()).toContain(says);
  });
});
