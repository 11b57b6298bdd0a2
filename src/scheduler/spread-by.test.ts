import { expect, it } from 'vitest';
import { parseSpreadBy } from './spread-by.ts';

it.each([
  ['region', ['region']],
  ['rack', ['rack']],
  ['provider, region ,zone', ['provider', 'region', 'zone']],
  ['com.example/rack,zone', ['com.example/rack', 'zone']],
  ['none', []],
])('%s', (text, labels) => {
  expect(parseSpreadBy(text)).toEqual(labels);
});

it.each([
  ['', 'a label is empty'],
  ['region,,zone', 'a label is empty'],
  ['none,zone', '"none" stands alone'],
  ['zone,region,zone', '"zone" stands there twice'],
  ['zone=a', '"zone=a" is no name of a label'],
  ['a\nb', '"a\\nb" is no name of a label'],
  ['a,b,c,d,e,f,g,h,i', '9 labels are more than 8'],
])('%j is refused', (text, why) => {
  const says = `--spread-by: ${why}: name labels of nodes, the widest domain first (provider,region,zone), or none`;
  expect(() => parseSpreadBy(text)).toThrow(says);
});
