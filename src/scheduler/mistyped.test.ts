import { describe, expect, test } from 'vitest';
import { mistypedDirectives } from './mistyped.ts';
import { parsePlacement } from './placement.ts';

describe('what looks like a scheduling word in the environment and is none', () => {
  test.each([
    ['constrain:node==a', 'constraint:node==a'],
    ['constraints:node==a', 'constraint:node==a'],
    ['Constraint:node==a', 'constraint:node==a'],
    ['contraint:storage!=ssd', 'constraint:storage!=ssd'],
    [' constraint:node==a', 'constraint:node==a'],
    ['constraint :node==a', 'constraint:node==a'],
    ['afinity:container==web', 'affinity:container==web'],
    ['affinities:image==~redis', 'affinity:image==~redis'],
    ['reshedule:on-node-failure', 'reschedule:on-node-failure'],
    ['whitelst:node==a|b', 'whitelist:node==a|b'],
    ['constraint=node==a', 'constraint:node==a'],
    ['CONSTRAINT=node==a', 'constraint:node==a'],
    ['affinity=container!=web', 'affinity:container!=web'],
    ['constraint.node==a', 'constraint:node==a'],
  ])('%s', (entry, meant) => {
    expect(mistypedDirectives([entry], {})).toEqual([
      `'${entry}' in the environment is no scheduling expression: did you mean '${meant}'?`,
    ]);
  });

  test.each([
    'PATH=/usr/bin:/bin',
    'KMP_AFFINITY=granularity=fine,compact,1,0',
    'AFFINITY=compact',
    'CONSTRAINT=none',
    'CONSTRAINTS_FILE=/etc/constraints',
    'constraint=',
    'WHITELIST=10.0.0.0/8',
    'WHITELIST=a==',
    'whitelist',
    'JAVA_OPTS=-Dconstraint:node==a',
    'DATABASE_URL=postgres://u:p@h/db?a==b',
    'affine:x',
    'http://proxy',
    '',
    ':',
    '=',
  ])('not %j', (entry) => {
    expect(mistypedDirectives([entry], {})).toEqual([]);
  });
});

describe('labels of that kind', () => {
  test.each([
    ['com.docker.swarm.constraint', '["node==a"]', 'com.docker.swarm.constraints'],
    ['com.docker.swarm.contraints', '["node==a"]', 'com.docker.swarm.constraints'],
    ['com.docker.swarm.Constraints', '["node==a"]', 'com.docker.swarm.constraints'],
    ['com.docker.swarm.affinity', '[]', 'com.docker.swarm.affinities'],
    ['com.docker.swarm.reschedule-policy', '[]', 'com.docker.swarm.reschedule-policies'],
    ['com.docker.swarm.whitelist', '[]', 'com.docker.swarm.whitelists'],
    ['constraint:node', '=a', 'com.docker.swarm.constraints=["node==a"]'],
    ['constraint:node==a', '', 'com.docker.swarm.constraints=["node==a"]'],
    ['constraint', 'node==a', 'com.docker.swarm.constraints=["node==a"]'],
    ['afinity:container', '=web', 'com.docker.swarm.affinities=["container==web"]'],
  ])('%s=%s', (key, value, meant) => {
    expect(mistypedDirectives([], { [key]: value })).toEqual([
      `label '${key}' is no scheduling label: did you mean ${meant}?`,
    ]);
  });

  test.each([
    ['com.docker.swarm.constraints', '[]'],
    ['com.docker.swarm.id', 'x'],
    ['com.docker.swarm.task.id', 'x'],
    ['com.docker.swarm.service.name', 'x'],
    ['com.docker.compose.service', 'constraint'],
    ['constraint', 'strict'],
    ['affinity', ''],
    ['traefik.http.routers.a.rule', 'Host(`a`) && a==b'],
  ])('not %s=%s', (key, value) => {
    expect(mistypedDirectives(undefined, { [key]: value })).toEqual([]);
  });
});

test('what is read as a scheduling word is not warned of', () => {
  const Env = ['constraint:node==a', 'affinity:container!=web', 'reschedule:on-node-failure', 'whitelist:node==a'];
  expect(parsePlacement({ Image: 'redis', Env }).warnings).toEqual([]);
  expect(parsePlacement({ Image: 'redis', Env: [...Env, 'constrain:node==b'] }).warnings).toHaveLength(1);
});

test('there are a few warnings at most, and quickly, whatever was sent', () => {
  const env = Array.from({ length: 1000 }, () => `constrain:${'x'.repeat(1000)}==a`);
  expect(mistypedDirectives(env, {})).toHaveLength(8);
  expect(
    mistypedDirectives([`${'c'.repeat(100_000)}:x==y`, 5, null], { [`com.docker.swarm.${'c'.repeat(100_000)}`]: 1 }),
  ).toEqual([]);
});
