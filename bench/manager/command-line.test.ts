import { describe, expect, test } from 'vitest';
import { commandOf } from './command-line.ts';

const VALUES = { port: '2375', nodesFile: '/tmp/a b/nodes', tlsFlags: '--tls --ca x', none: '' };

describe('commandOf', () => {
  test.each([
    ['swarm manage -H :{port}', ['swarm', 'manage', '-H', ':2375']],
    ['m file://{nodesFile}', ['m', 'file:///tmp/a b/nodes']],
    ['m {tlsFlags} {none} x', ['m', '--tls', '--ca', 'x', 'x']],
    [`sh -c 'exec m -p {port}' "a b"`, ['sh', '-c', 'exec m -p 2375', 'a b']],
    ['  m   --opt="a b"  ', ['m', '--opt=a b']],
  ])('%s', (template, words) => {
    expect(commandOf(template, VALUES)).toEqual(words);
  });

  test('names an unknown placeholder and the known ones', () => {
    expect(() => commandOf('m {prt}', VALUES)).toThrow('unknown placeholder {prt}; known: port, nodesFile');
  });
});
