import type { DriverOption } from '../drivers/options.ts';
import type { EngineSettings, MachineRecord, SwarmSettings } from './record.ts';

const HIDDEN = '(hidden)';

/**
 * A text as it may be shown: a cluster's token, with which anyone can add engines, by its first characters; the password of a URL
 * (a proxy's) or of a store not at all.
 */
export function shownText(text: string): string {
  return text
    .replace(
      /\b(token:\/\/(?:[^\s/]+\/(?:[^\s/]+\/)*)?)([\w-]+)/g,
      (_all, place: string, token: string) => place + cut(token),
    )
    .replace(/\b(kv\.(?:password|token)=).*$/g, `$1${HIDDEN}`)
    .replace(/\b(\w+:\/\/[^\s/:@]*):[^\s/@]+@/g, `$1:${HIDDEN}@`);
}

function cut(token: string): string {
  return token.length < 12 ? token : `${token.slice(0, 6)}…`;
}

/** A machine's part in a swarm as it may be shown. */
export function shownSwarm(swarm: SwarmSettings): SwarmSettings {
  const { discovery, discoveryOptions, options, joinOptions } = swarm;
  return {
    ...swarm,
    discovery: shownText(discovery),
    discoveryOptions: discoveryOptions.map(shownText),
    options: options.map(shownText),
    joinOptions: joinOptions.map(shownText),
  };
}

/** Settings of an engine as they may be shown. */
export function shownEngine(engine: EngineSettings): EngineSettings {
  return {
    ...engine,
    options: engine.options.map(shownText),
    env: engine.env.map(shownText),
    registryMirrors: engine.registryMirrors.map(shownText),
    insecureRegistries: engine.insecureRegistries.map(shownText),
    ...(engine.installUrl === undefined ? {} : { installUrl: shownText(engine.installUrl) }),
  };
}

/** All that is known of a machine as it may be shown. Without its driver's options whatever is called like a secret is hidden. */
export function shownRecord(record: MachineRecord, options: readonly DriverOption[] | undefined): MachineRecord {
  const isSecret = (flag: string): boolean =>
    options?.find((option) => option.flag === flag)?.isSecret ??
    /token|secret|password|(?:access|account|api)-?key/i.test(flag);
  const shown = Object.entries(record.options).map(([flag, value]) => [
    flag,
    isSecret(flag) ? HIDDEN : typeof value === 'string' ? shownText(value) : value,
  ]);
  return {
    ...record,
    options: Object.fromEntries(shown),
    engine: shownEngine(record.engine),
    ...(record.swarm === undefined ? {} : { swarm: shownSwarm(record.swarm) }),
    ...(record.failure === undefined
      ? {}
      : { failure: { ...record.failure, reason: shownText(record.failure.reason) } }),
  };
}
