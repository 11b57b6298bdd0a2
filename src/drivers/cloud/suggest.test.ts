import { expect, it } from 'vitest';
import { chosenOf } from './suggest.ts';

const networks = [
  { thing: 1, id: 'a', name: 'hive' },
  { thing: 2, id: 'b', name: 'hive' },
  { thing: 3, id: 'c', name: 'a' },
  { thing: 4, id: 'd', name: '' },
];
const choose = (given: string): number =>
  chosenOf(networks, { provider: 'Bees', what: 'network', where: 'in ewr', given });

it('takes the ID before the name, whatever comes first', () => {
  expect(['a', 'c', 'd'].map(choose)).toEqual([1, 3, 4]);
  expect(chosenOf([...networks].reverse(), { provider: 'Bees', what: 'network', given: 'a' })).toBe(1);
});

it('never guesses which of several of one name is meant', () => {
  expect(() => choose('hive')).toThrow(/^Bees has more than one network hive in ewr: say which by its ID, as in a, b$/);
});

it('names what there is', () => {
  expect(() => choose('hove')).toThrow(/has no network hove in ewr\. Did you mean hive/);
});
