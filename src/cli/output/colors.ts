import type { Io } from '../io.ts';

/** Whether people want colours in what they read (no-color.org), and the terminal can show them. */
export function wantsColor(env: Io['env']): boolean {
  return !env.NO_COLOR && env.TERM !== 'dumb';
}
