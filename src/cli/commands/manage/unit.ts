import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ListenAddress } from '../../../common/listen-address.ts';
import type { CommandContext } from '../../command.ts';
import { discoveryUri } from '../../discovery-options.ts';
import { systemdUnit } from '../../systemd-unit.ts';
import type { ManageFlags } from './flags.ts';

/** Prints a systemd unit for this command line, which was checked before. */
export function printUnit(
  discovery: string | undefined,
  flags: ManageFlags,
  listeners: readonly ListenAddress[],
  { argv, env, out, err }: CommandContext,
): void {
  const uri = discoveryUri(discovery, env);
  const sockets = listeners.flatMap((each) =>
    each.kind === 'unix' && !each.path.startsWith('/run/enxame/') ? dirname(each.path) : [],
  );
  const states = flags.stateDir === undefined || flags.stateDir === 'none' ? [] : [flags.stateDir];
  const writes = [...new Set([...sockets, ...states])];
  const script = realpathSync(process.argv[1] ?? '');
  const program = [process.execPath, script] as const;
  const isInHome = program.some((path) => /^\/(?:home|root)\//.test(path));
  const needsRoot = /(?:ssh|unix):\/\//.test(uri) || writes.length > 0 || isInHome;
  if (/[0-9a-f]{32}/.test(uri) && argv.includes(uri))
    err(
      'enxame: manage: units are readable by all users of this host, and this one contains the cluster’s token. Leave the discovery argument out and write ENXAME_DISCOVERY=… into /etc/enxame/manage.env, mode 0600\n',
    );
  if (flags.notify?.some((url) => new URL(url).username !== ''))
    err(
      'enxame: manage: units are readable by all users of this host, and this one contains the password of a --notify URL\n',
    );
  out(systemdUnit({ program, argv, folder: process.cwd(), needsRoot, writes }));
}
