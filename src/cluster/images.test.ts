import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EngineClient } from '../engine/client.ts';
import { unixConnector } from '../engine/connectors/socket.ts';
import type { ImageSummary } from '../engine/types.ts';
import { ImageIndex } from './images.ts';
import { Node } from './node.ts';

const DIGEST = `sha256:${'d'.repeat(64)}`;

function node(name: string, isHealthy = true): Node {
  const made = new Node(name, new EngineClient(unixConnector(`/nowhere/${name}`)), '127.0.0.1');
  if (isHealthy) made.setState('Healthy', '');
  return made;
}

function id(digit: string): string {
  return `sha256:${digit.repeat(64)}`;
}

function image(digit: string, tags: readonly string[], more: Partial<ImageSummary> = {}): ImageSummary {
  return { Id: id(digit), RepoTags: tags, RepoDigests: [], Created: 1, Size: 1, ...more };
}

describe('find', () => {
  const a = node('a');
  const index = new ImageIndex();
  index.replace(a, [
    image('1', ['redis:7', 'localhost:5000/x/redis:7']),
    image('2', ['app:latest'], { RepoDigests: [`app@${DIGEST}`] }),
    image('3', ['<none>:<none>'], { RepoDigests: ['<none>@<none>'] }),
    image('a', ['abc:latest']),
  ]);
  test.each([
    ['redis:7', '1'],
    ['docker.io/library/redis:7', '1'],
    ['localhost:5000/x/redis:7', '1'],
    ['app', '2'],
    ['app:latest', '2'],
    [`app@${DIGEST}`, '2'],
    [`docker.io/library/app:9@${DIGEST}`, '2'],
    [id('3'), '3'],
    ['3'.repeat(64), '3'],
    ['3333', '3'],
    ['sha256:3333', '3'],
    // A name comes before an ID prefix.
    ['abc', 'a'],
  ])('%s', (reference, digit) => {
    expect(index.find(reference)?.id).toBe(id(digit));
  });
  test.each(['redis', 'x/redis:7', '<none>:<none>', '<none>', '4', id('4'), '', 'sha256:', '@'])(
    'not %j',
    (reference) => {
      expect(index.find(reference)).toBeUndefined();
    },
  );
  test('an ambiguous prefix means nothing', () => {
    const two = new ImageIndex();
    two.replace(a, [image('1', []), { ...image('1', []), Id: `sha256:1${'2'.repeat(63)}` }]);
    expect(two.find('1')).toBeUndefined();
    expect(two.find('12')?.id).toBe(`sha256:1${'2'.repeat(63)}`);
  });
});

describe('nodes that disagree about a tag', () => {
  const [a, b, c] = [node('a'), node('b'), node('c')] as const;
  const old = image('1', ['app:latest'], { Created: 1 });
  const young = image('2', ['app:latest'], { Created: 2 });

  test('most healthy nodes win, then the newest image, then the smallest ID', () => {
    const index = new ImageIndex();
    index.replace(a, [old]);
    index.replace(b, [young]);
    expect(index.find('app')?.id).toBe(young.Id);
    index.replace(c, [old]);
    expect(index.find('app')?.id).toBe(old.Id);
    index.replace(c, [image('3', ['app:latest'], { Created: 2 })]);
    expect(index.find('app')?.id).toBe(young.Id);
  });

  test('unhealthy nodes have no say, but are better than nothing', () => {
    const index = new ImageIndex();
    index.replace(node('away', false), [old]);
    index.replace(node('gone', false), [old]);
    expect(index.find('app')?.id).toBe(old.Id);
    expect(index.holders('app')).toEqual([]);
    expect([...index.list()]).toEqual([]);
    index.replace(a, [image('0', ['app:latest'], { Created: 0 })]);
    expect(index.find('app')?.id).toBe(id('0'));
  });

  test('what was written last wins while a healthy node has it', () => {
    const index = new ImageIndex();
    for (const each of [a, b]) index.replace(each, [old]);
    index.replace(c, [young]);
    index.prefer('docker.io/library/app', young.Id);
    expect(index.find('app')?.id).toBe(young.Id);
    expect(index.meanings('app').get(a)).toBe(old.Id);
    index.replace(c, []);
    expect(index.find('app')?.id).toBe(old.Id);
    index.replace(c, [young]);
    expect(index.find('app')?.id).toBe(young.Id);
    c.setState('Unhealthy', 'lost');
    expect(index.find('app')?.id).toBe(old.Id);
    c.setState('Healthy', '');
  });

  test('a choice of nodes has a meaning of its own', () => {
    const index = new ImageIndex();
    for (const each of [a, b]) index.replace(each, [old]);
    index.replace(c, [young]);
    expect(index.find('app', (each) => each === c)?.id).toBe(young.Id);
    expect(index.find(old.Id, (each) => each === c)).toBeUndefined();
    expect(index.find('app', () => false)).toBeUndefined();
  });
});

describe('version', () => {
  test('grows with changes only', () => {
    const a = node('a');
    const index = new ImageIndex();
    const steps: (readonly [() => void, boolean])[] = [
      [() => index.replace(a, [image('1', ['x:1'])]), true],
      [() => index.replace(a, [image('1', ['x:1'])]), false],
      [() => index.replace(a, [image('1', ['x:2'])]), true],
      [() => index.prefer('x:2', id('1')), true],
      [() => index.prefer('x:2', id('1')), false],
      [() => index.replace(a, []), true],
      [() => index.remove(a), true],
      [() => index.remove(a), false],
    ];
    for (const [step, isChange] of steps) {
      const before = index.version;
      step();
      expect(index.version > before).toBe(isChange);
    }
  });
});

test('one image may have several IDs, as long as somebody has one of them', () => {
  const [a, b] = [node('a'), node('b')] as const;
  const index = new ImageIndex();
  index.replace(a, [image('1', ['x:1'])]);
  index.replace(b, [image('2', ['x:1']), image('3', ['y:1'])]);
  index.noteSame(id('1'), id('2'));
  index.noteSame(id('2'), id('4'));
  expect([...index.sameAs(id('4'))].sort()).toEqual([id('1'), id('2'), id('4')]);
  expect([...index.sameAs(id('3'))]).toEqual([id('3')]);
  index.replace(a, []);
  expect(index.sameAs(id('4')).size).toBe(3);
  index.remove(b);
  expect(index.sameAs(id('1')).size).toBe(1);
});

test('nodesWith: a repository without tag means any of its tags', () => {
  const [a, b] = [node('a'), node('b')] as const;
  const index = new ImageIndex();
  index.replace(a, [image('1', ['redis:6'])]);
  index.replace(b, [image('2', ['redis:7'])]);
  expect(index.nodesWith('redis')?.size).toBe(2);
  expect([...(index.nodesWith('redis:7')?.keys() ?? [])]).toEqual([b.id]);
  expect([...(index.nodesWith('1111')?.keys() ?? [])]).toEqual([a.id]);
  expect(index.nodesWith('redis:latest')).toBeUndefined();
});

describe('any sequence of changes', () => {
  const nodes = [node('a'), node('b'), node('c', false)];
  const digits = ['1', '2', '3'];
  const tags = ['x:1', 'x:2', 'y:latest', 'docker.io/library/x:1'];
  const aNode = fc.constantFrom(...nodes);
  const someImages = fc
    .uniqueArray(fc.constantFrom(...tags), { maxLength: 4 })
    .chain((names) =>
      fc.tuple(
        fc.constant(names),
        fc.array(fc.constantFrom(...digits), { minLength: names.length, maxLength: names.length }),
        fc.subarray(digits),
      ),
    )
    .map(([names, owners, untagged]) => {
      const held = new Map<string, string[]>(untagged.map((digit) => [digit, []]));
      // As on an engine, a tag means one image at a time.
      const owner = new Map(
        names.map((name, i) => [name.replace('docker.io/library/', ''), owners[i] ?? '1'] as const),
      );
      for (const [name, digit] of owner) held.set(digit, [...(held.get(digit) ?? []), name]);
      return [...held].map(([digit, names_]) => image(digit, names_));
    });
  const step = fc.oneof(
    fc.tuple(fc.constant('replace' as const), aNode, someImages),
    fc.tuple(fc.constant('remove' as const), aNode, fc.constant([])),
  );

  test('leaves the index as if it were built anew', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const index = new ImageIndex();
        const last = new Map<Node, readonly ImageSummary[]>();
        for (const [kind, where, summaries] of steps) {
          if (kind === 'replace') index.replace(where, summaries);
          else index.remove(where);
          last.set(where, summaries);
        }
        const fresh = new ImageIndex();
        for (const [where, summaries] of last) fresh.replace(where, summaries);
        expect(describeIndex(index)).toEqual(describeIndex(fresh));
      }),
    );
  });

  function describeIndex(index: ImageIndex): unknown {
    const records = digits.map((digit) => {
      const record = index.get(id(digit));
      return record && [...record.holders].map(([holder, summary]) => [holder.entry, summary]).sort();
    });
    const names = [...index.references()].map(([name, { size }]) => [name, size, index.find(name)?.id]).sort();
    const meanings = tags.map((tag) => [...index.meanings(tag)].map(([each, meant]) => [each.entry, meant]).sort());
    const repositories = ['x', 'y'].map((repository) => [...(index.nodesWith(repository)?.keys() ?? [])].sort());
    return { records, names, meanings, repositories, listed: [...index.list()].map((record) => record.id).sort() };
  }
});
