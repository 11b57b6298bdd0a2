import { ClusterError } from '../common/errors.ts';

/** Why an SSH connection or channel failed. */
export type SshErrorCode = 'SSH_UNREACHABLE' | 'SSH_AUTH' | 'SSH_HOST_KEY' | 'SSH_CONFIG' | 'SSH_CHANNEL';

/** An SSH connection could not be made, was lost, or a channel of it failed. The message says what to do next. */
export class SshError extends ClusterError {
  constructor(message: string, code: SshErrorCode = 'SSH_UNREACHABLE', cause?: unknown) {
    super(message, { code, status: 502, cause });
  }
}
