import { expect, it } from 'vitest';
import { groupOf } from './groups.ts';

const COMPOSE = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' };
const WEB = groupOf(COMPOSE);

it.each([
  ['no labels', {}, undefined],
  ['a service of a project', { ...COMPOSE, 'com.docker.compose.oneoff': 'False' }, WEB],
  ['a one-off container', { ...COMPOSE, 'com.docker.compose.oneoff': 'True' }, undefined],
  ['a project without a service', { 'com.docker.compose.project': 'shop' }, undefined],
  ['a label that says so', { 'io.enxame.group': 'a' }, groupOf({ 'io.enxame.group': 'a', other: 'b' })],
  ['a label that says otherwise', { ...COMPOSE, 'io.enxame.group': 'a' }, groupOf({ 'io.enxame.group': 'a' })],
  ['an empty label', { ...COMPOSE, 'io.enxame.group': '' }, undefined],
  ['values that are no text', { 'io.enxame.group': 7, 'com.docker.compose.project': [] }, undefined],
])('the group of %s', (_, labels, group) => {
  expect(groupOf(labels)).toBe(group);
});

it('differs with the label, the project and the service', () => {
  const groups = [
    WEB,
    groupOf({ ...COMPOSE, 'com.docker.compose.service': 'db' }),
    groupOf({ ...COMPOSE, 'com.docker.compose.project': 'other' }),
    groupOf({ 'io.enxame.group': 'web' }),
  ];
  expect(new Set(groups).size).toBe(groups.length);
});
