/** What a machine is doing, in docker-machine's words; empty when the driver cannot know (`none`). */
export type MachineState =
  | ''
  | 'Running'
  | 'Paused'
  | 'Saved'
  | 'Stopped'
  | 'Stopping'
  | 'Starting'
  | 'Error'
  | 'Timeout';
