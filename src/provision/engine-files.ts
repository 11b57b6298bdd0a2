import { DriverError, reasonOf } from '../common/errors.ts';
import { type DaemonSettings, mergeSettings, PATHS, same, wantedSettings } from './daemon-settings.ts';
import type { EngineSetup, InitSystem, RemoteFile } from './init/init-system.ts';
import { contentOf, PAIRS, readPairs } from './pairs.ts';
import type { EngineSpec, ServerCertificates, Task } from './provisioner.ts';
import type { Remote } from './remote.ts';
import { runStep } from './step.ts';

/** The engine's present files and state on a machine. */
export interface EngineState {
  /** It runs, and has read the files it has. */
  readonly isCurrent: boolean;
  readonly isRunning: boolean;
  readonly settings: DaemonSettings;
  /** What we put into the settings last time. */
  readonly last: DaemonSettings;
  readonly seen: ReadonlyMap<string, string>;
}

/** An earlier run may have been cut off between writing files and restarting the engine. */
const NEWER = `for f in ${PATHS.ca} ${PATHS.cert} ${PATHS.key} ${PATHS.ours}; do
  if [ "$f" -nt /var/run/docker.pid ]; then pair newer "$f"; fi
done
`;

/** Reads what is there of the engine. */
export async function readEngine(remote: Remote, init: InitSystem, task: Task): Promise<EngineState> {
  const script = `${PAIRS}${init.inspect}${NEWER}file settings ${PATHS.settings}\nfile ours ${PATHS.ours}\n`;
  const seen = readPairs(await runStep(remote, { title: "reading the engine's settings", script }, task));
  return {
    isCurrent: seen.has('running') && !seen.has('newer'),
    isRunning: seen.has('running'),
    settings: parse(contentOf(seen, 'settings'), PATHS.settings, remote.name),
    last: parse(contentOf(seen, 'ours'), PATHS.ours, remote.name),
    seen,
  };
}

/** The files that make the engine as `spec` says, whatever is there now. */
export function engineFiles(
  spec: EngineSpec,
  listen: string | undefined,
  init: InitSystem,
  state: EngineState,
): RemoteFile[] {
  const hosts = init.wantsHostsInSettings
    ? ['unix:///var/run/docker.sock', ...(listen === undefined ? [] : [listen])]
    : undefined;
  const wanted = wantedSettings(spec, hosts);
  const settings = mergeSettings(state.settings, state.last, wanted);
  const setup: EngineSetup = {
    listen,
    flags: spec.options.map((option) => (option.startsWith('-') ? option : `--${option}`)),
    env: spec.env,
    inSettings: Object.keys(wanted).flatMap((key) => FLAGS[key] ?? [key]),
  };
  // Written as it is there when it says the same: its formatting is its author's.
  const text = contentOf(state.seen, 'settings');
  const content = text !== undefined && same(settings, state.settings) ? text : json(settings);
  return [
    { path: PATHS.settings, content, mode: '644' },
    { path: PATHS.ours, content: json(wanted), mode: '644' },
    ...init.files(setup, state.seen),
  ];
}

/** The certificates as files of the machine, the key for root only. */
export function certificateFiles({ ca, cert, key }: ServerCertificates): RemoteFile[] {
  return [
    { path: PATHS.ca, content: ca, mode: '644' },
    { path: PATHS.cert, content: cert, mode: '644' },
    { path: PATHS.key, content: key, mode: '600' },
  ];
}

/** The text of a settings file. */
export function json(settings: DaemonSettings): string {
  return `${JSON.stringify(settings, null, 2)}\n`;
}

/** Flags of dockerd for keys of daemon.json that are called otherwise. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  hosts: ['host'],
  labels: ['label'],
  'insecure-registries': ['insecure-registry'],
  'registry-mirrors': ['registry-mirror'],
};

function parse(text: string | undefined, path: string, host: string): DaemonSettings {
  if (text === undefined || text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as DaemonSettings;
    throw new Error('it is no object');
  } catch (error) {
    throw new DriverError(
      `${path} on ${host} cannot be read: ${reasonOf(error)}. Repair it or move it away, then provision again`,
      'BAD_ENGINE_SETTINGS',
      error,
    );
  }
}
