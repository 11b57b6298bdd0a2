import { describe, expect, it } from 'vitest';
import { testDriver } from '../../../test/conformance/driver.ts';
import { resolveOptions } from '../option-values.ts';
import { driver } from './none.ts';

testDriver('none', async () => ({
  driver,
  options: { url: 'tcp://10.0.0.5:2376' },
  env: {},
  isFixed: true,
  close: async () => undefined,
}));

describe('none', () => {
  it.each(['10.0.0.5', 'ftp://x', 'tcp://', 'unix://'])('refuses the URL %s', (url) => {
    expect(() => resolveOptions('none', driver.options, { url }, {})).toThrow(/is not a URL like tcp:/);
  });
});
