import { expect, it, vi } from 'vitest';

vi.mock('./words.ts', () => ({ currentLanguage: () => 'en', words: () => ({}) }));
const { money } = await import('./format.ts');

it.each([
  ['5.83', '5.83'],
  ['8.687', '8.69'],
  ['8.684', '8.68'],
  ['1234567.995', '1,234,568.00'],
  ['0.0119', '0.0119'],
  ['0.00596', '0.00596'],
  ['0.9999', '1.00'],
  ['0', '0.00'],
  ['12', '12.00'],
  ['-3.456', '−3.46'],
])('the price %s is shown as %s', (amount, shown) => {
  expect(money({ amount, currency: 'EUR' })).toBe(`${shown} EUR`);
});
