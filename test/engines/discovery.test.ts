import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../free-ports.ts';

/** The commands as real processes of the built package: a token, three agents, and a service that is killed and comes back. */
describe('create, join, list and discovery as processes', () => {
  let folder: string;
  const running: ChildProcess[] = [];
  const env = (more: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
    PATH: process.env.PATH,
    HOME: folder,
    ...more,
  });
  const main = (): string => join(folder, 'dist', 'cli', 'main.js');

  beforeAll(() => {
    // Inside the checkout, so that the built files find node_modules.
    mkdirSync('.cache', { recursive: true });
    folder = mkdtempSync(join('.cache', 'discovery-test-'));
    cpSync('package.json', join(folder, 'package.json'));
    // Types are checked elsewhere: what can be emitted is.
    const options = ['-p', 'tsconfig.build.json', '--outDir', join(folder, 'dist'), '--declaration', 'false'];
    spawnSync('node_modules/.bin/tsc', options);
    expect(existsSync(main())).toBe(true);
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((child) => end(child, 'SIGKILL')));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function enxame(args: readonly string[], more: Readonly<Record<string, string>> = {}): string {
    return execFileSync(process.execPath, [main(), ...args], { env: env(more), encoding: 'utf8' });
  }

  function start(args: readonly string[], more: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn(process.execPath, [main(), ...args], { env: env(more), stdio: ['ignore', 'pipe', 'pipe'] });
    running.push(child);
    return child;
  }

  async function startService(port: number, state: string): Promise<ChildProcess> {
    const child = start(['discovery', '-H', `tcp://127.0.0.1:${port}`, '--state-dir', state]);
    await output(child, /Token service at /);
    return child;
  }

  it('survives kill -9 of the service, which agents notice and get over', async () => {
    const port = await freePort();
    const state = join(folder, 'state');
    const more = { ENXAME_DISCOVERY_URL: `http://127.0.0.1:${port}` };
    let service = await startService(port, state);
    const token = enxame(['create'], more).trim();
    expect(token).toMatch(/^[0-9a-f]{32}$/);

    const discovery = `token://127.0.0.1:${port}/v1/${token}`;
    const entries = ['10.0.0.1:2376', '10.0.0.2:2376', 'ssh://root@10.0.0.3'];
    const agents = entries.map((entry) =>
      start(['join', '--advertise', entry, '--heartbeat', '1s', '--ttl', '1h', discovery]),
    );
    await Promise.all(agents.map((agent) => output(agent, /"registered"/)));
    const list = (): readonly string[] => enxame(['list', discovery]).trim().split('\n').sort();
    expect(list()).toEqual(entries);

    // One agent leaves first: what it registered is known from the disk alone.
    const [first, second] = agents;
    if (first === undefined || second === undefined) throw new Error('three agents were started');
    expect(await end(first, 'SIGTERM')).toEqual({ code: 0, signal: null });
    const noticed = output(second, /not registered, trying again/);
    expect(await end(service, 'SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
    await noticed;
    const recovered = output(second, /"registered"/);
    service = await startService(port, state);
    expect(list()).toEqual(entries);
    await recovered;

    expect(await end(service, 'SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await end(second, 'SIGINT')).toEqual({ code: 0, signal: null });
  });

  it('gives a second service on the folder one line', async () => {
    const state = join(folder, 'locked');
    await startService(0, state);
    const second = start(['discovery', '-H', 'tcp://127.0.0.1:0', '--state-dir', state]);
    await output(second, /^enxame: discovery: the state folder \S+ is in use by another process\. [^\n]+\n$/);
    expect(await exitOf(second)).toEqual({ code: 1, signal: null });
  });

  it('ends agent and manager with a line where no time can mend it', async () => {
    const port = await freePort();
    await startService(port, 'none');
    const unknown = `token://127.0.0.1:${port}/v1/0123456789abcdef0123456789abcdef`;
    const token = enxame(['create'], { ENXAME_DISCOVERY_URL: `http://127.0.0.1:${port}` }).trim();
    const known = `token://127.0.0.1:${port}/v1/${token}`;
    const manage = ['manage', '-H', 'tcp://127.0.0.1:0', '--state-dir', 'none'];
    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [['join', '--advertise', '10.0.0.1:2376', unknown], /^enxame: join: .* does not know the token 012345…/m],
      [
        ['join', '--advertise', 'unix:///run/docker.sock', known],
        /^enxame: join: .* is not a host that others can reach/m,
      ],
      [[...manage, unknown], /^enxame: manage: .* does not know the token 012345…/m],
      [[...manage, 'file:///nowhere/nodes'], /^enxame: manage: cannot read \/nowhere\/nodes: there is no such file$/m],
    ];
    for (const [args, why] of wrong) {
      const child = start(args);
      await output(child, why);
      expect(await exitOf(child)).toEqual({ code: 1, signal: null });
    }
  });

  it('is quiet when the reader of a list has seen enough', () => {
    const script = `node ${main()} list '10.[0:9].[0:99].[1:20]:2376' | head -1`;
    expect(execFileSync('bash', ['-o', 'pipefail', '-c', script], { encoding: 'utf8' })).toBe('10.0.0.1:2376\n');
  });
});

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

function exitOf(child: ChildProcess): Promise<Exit> {
  const { exitCode: code, signalCode: signal } = child;
  if (code !== null || signal !== null) return Promise.resolve({ code, signal });
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<Exit> {
  child.kill(signal);
  return exitOf(child);
}

/** Resolves once what the process writes from now on matches; rejects with it when the process ends before. */
function output(child: ChildProcess, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const listen = (chunk: Buffer): void => {
      text += chunk.toString();
      if (!pattern.test(text)) return;
      child.stdout?.off('data', listen);
      child.stderr?.off('data', listen);
      resolve();
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    child.once('close', () => reject(new Error(`the process ended after: ${text}`)));
  });
}
