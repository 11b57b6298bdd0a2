import { DriverError, reasonOf } from '../common/errors.ts';
import { SshConnection } from '../ssh/connection.ts';
import { SshError } from '../ssh/errors.ts';
import { processSshEnvironment, type SshEnvironment } from '../ssh/files.ts';
import { runOverSsh } from '../ssh/run.ts';
import { resolveTarget } from '../ssh/target.ts';
import { asShell, type Remote } from './remote.ts';
import type { SshShell } from './shell.ts';

/** Logs in. The host key of a machine that is not known yet is accepted and remembered; a changed one is refused. */
export async function openSshRemote(
  target: SshShell,
  signal: AbortSignal,
  environment: SshEnvironment = processSshEnvironment(),
): Promise<Remote> {
  const { host, port, user } = target;
  const connection = await loginTo(target, signal, environment);
  return {
    name: `${user}@${host}${port === 22 ? '' : `:${port}`}`,
    run: (script, options) => runOverSsh(connection, asShell(script), options),
    close: () => connection.close(),
  };
}

/** As {@link openSshRemote}, the bare connection. */
export async function loginTo(
  { host, port, user, keyPath, knownHostsPath }: SshShell,
  signal: AbortSignal,
  environment: SshEnvironment = processSshEnvironment(),
): Promise<SshConnection> {
  const destination = { host, port, user, keyPath, knownHostsPath, acceptsNewHost: true };
  try {
    return await SshConnection.open(await resolveTarget(destination, environment), signal);
  } catch (error) {
    if (!(error instanceof SshError) || error.code !== 'SSH_UNREACHABLE') throw error;
    const next = `Check that the machine runs and that port ${destination.port} can be reached from here`;
    throw new DriverError(`${reasonOf(error)}. ${next}`, error.code, error);
  }
}
