import { describe, expect, it } from 'vitest';
import { type ApiVersion, clampApi, compareApi, olderApi, parseApiVersion } from './api-version.ts';

describe('API versions', () => {
  it.each<[ApiVersion, ApiVersion, number]>([
    ['1.41', '1.41', 0],
    ['1.9', '1.10', -1],
    ['1.51', '1.44', 1],
    ['2.0', '1.999', 1],
    ['1.24', '10.0', -1],
  ])('%s against %s', (a, b, order) => {
    expect(Math.sign(compareApi(a, b))).toBe(order);
    expect(Math.sign(compareApi(b, a))).toBe(-order + 0);
    expect(olderApi(a, b)).toBe(order <= 0 ? a : b);
  });

  it.each<[ApiVersion, ApiVersion]>([
    ['1.24', '1.40'],
    ['1.44', '1.44'],
    ['1.60', '1.51'],
  ])('a client’s %s is %s for an engine from 1.40 to 1.51', (wanted, spoken) => {
    expect(clampApi(wanted, '1.40', '1.51')).toBe(spoken);
  });

  it.each([
    ['1.41', '1.41'],
    ['v1.041', '1.41'],
    ['1', undefined],
    ['1.2.3', undefined],
    ['1.1000', undefined],
    [undefined, undefined],
  ])('reads %s as %s', (text, version) => {
    expect(parseApiVersion(text)).toBe(version);
  });
});
