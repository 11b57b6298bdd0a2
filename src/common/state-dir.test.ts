import { describe, expect, it } from 'vitest';
import { stateDir } from './state-dir.ts';

describe('stateDir', () => {
  it.each([
    ['/x', { ENXAME_STATE_DIR: '/y' }, true, '/x'],
    [undefined, { ENXAME_STATE_DIR: '/y' }, true, '/y'],
    [undefined, {}, true, '/var/lib/enxame'],
    [undefined, { XDG_STATE_HOME: '/s', HOME: '/h' }, false, '/s/enxame'],
    [undefined, { HOME: '/h' }, false, '/h/.local/state/enxame'],
    ['none', { HOME: '/h' }, false, undefined],
    [undefined, { ENXAME_STATE_DIR: 'none' }, true, undefined],
    ['', { ENXAME_STATE_DIR: '' }, true, '/var/lib/enxame'],
  ])('flag %s, environment %j, root %s: %s', (flag, env, isRoot, folder) => {
    expect(stateDir(flag, env, isRoot)).toBe(folder);
  });

  it('asks when there is no home', () => {
    expect(() => stateDir(undefined, {}, false)).toThrow('$HOME is not set. Give --state-dir FOLDER');
  });
});
