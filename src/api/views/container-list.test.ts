import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/fakes/fake-clock.ts';
import { containerSummary, engineInfo, modelNode, nowhere } from '../../../test/fakes/model.ts';
import { Cluster } from '../../cluster/cluster.ts';
import { Container } from '../../cluster/container.ts';
import { ContainerList } from '../../cluster/container-list.ts';
import { Node } from '../../cluster/node.ts';
import { silentLogger } from '../../common/logger.ts';
import { EngineClient } from '../../engine/client.ts';
import type { ContainerSummary } from '../../engine/types.ts';
import { renderEntry } from './container-entry.ts';
import { ContainerListView } from './container-list.ts';

const NOW = 1_800_000_000_000;
const VARIANTS = (['plain', 'node'] as const).flatMap((style) => [true, false].map((all) => ({ style, all })));

function textOf(view: ContainerListView, variant: (typeof VARIANTS)[number], nowMs: number = NOW): string {
  return Buffer.concat(view.render(variant, nowMs)).toString();
}

const aSummary = fc
  .record({
    id: fc.constantFrom('a', 'ab', 'abc', 'b', 'c'),
    name: fc.constantFrom('web', 'db', 'été"\n'),
    state: fc.constantFrom('running', 'exited', 'paused', 'created'),
    created: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ id, name, state, created }) =>
    containerSummary(id, { Names: [`/${name}`, `/other/${name}`], State: state, Created: created }),
  );
const aStep = fc.oneof(
  fc.record({
    do: fc.constant('list' as const),
    node: fc.nat(1),
    of: fc.uniqueArray(aSummary, { selector: (s) => s.Id }),
  }),
  fc.record({ do: fc.constant('put' as const), node: fc.nat(1), of: aSummary }),
  fc.record({ do: fc.constant('remove' as const), node: fc.nat(1), id: fc.constantFrom('a', 'ab', 'c') }),
  fc.record({ do: fc.constant('health' as const), node: fc.nat(1), isHealthy: fc.boolean() }),
  fc.record({ do: fc.constant('name' as const), node: fc.nat(1), name: fc.constantFrom('one', 'two', 'drei"') }),
  fc.record({ do: fc.constant('render' as const) }),
);

test('after any history, rendered in between or not, it shows what the model holds', () => {
  fc.assert(
    fc.property(fc.array(aStep, { maxLength: 40 }), (steps) => {
      const cluster = new Cluster({ clock: new FakeClock(NOW), logger: silentLogger() });
      const view = new ContainerListView(cluster.containerList);
      const nodes = ['one', 'two'].map((name) => {
        const node = new Node(`${name}:2375`, new EngineClient(nowhere()), '10.0.0.9');
        cluster.addNode(node);
        cluster.setInfo(node, engineInfo(name, `id-of-${name}`));
        return node;
      });
      for (const step of steps) {
        if (step.do === 'render') for (const variant of VARIANTS) view.render(variant, NOW);
        else take(cluster, nodes[step.node] as Node, step);
      }
      for (const { style, all } of VARIANTS) {
        const listed = [...cluster.containerList].filter((one) => all || one.isListedByDefault);
        const text = textOf(view, { style, all });
        expect(text).toBe(`[${listed.map((one) => renderEntry(one, style, NOW).text).join(',')}]\n`);
        expect(JSON.parse(text)).toHaveLength(listed.length);
        expect(String(view.renderOnly(listed, style, NOW))).toBe(text);
      }
    }),
  );
});

type Step = typeof aStep extends fc.Arbitrary<infer S> ? S : never;

function take(cluster: Cluster, node: Node, step: Step): void {
  if (step.do === 'list') cluster.replaceContainers(node, step.of);
  else if (step.do === 'put') cluster.updateContainers(node, [step.of.Id], [step.of]);
  else if (step.do === 'remove') cluster.removeContainer(node, step.id.padEnd(64, '0'));
  else if (step.do === 'health') cluster.setState(node, step.isHealthy ? 'Healthy' : 'Unhealthy', '');
  else if (step.do === 'name') cluster.setInfo(node, engineInfo(step.name, node.id));
}

test('renders again only what changed or aged', () => {
  const list = new ContainerList();
  const node = modelNode('one');
  for (let number = 0; number < 1200; number += 1)
    list.add(new Container(node, containerSummary(number.toString(16), { Created: (number * 7919) % 1000 }), NOW));
  const view = new ContainerListView(list);
  const variant = { style: 'plain', all: true } as const;
  const first = view.render(variant, NOW);
  expect(view.render(variant, NOW).every((bytes, index) => bytes === first[index])).toBe(true);
  const [newest] = list;
  if (!newest) throw new Error('empty');
  list.invalidate(newest);
  const second = view.render(variant, NOW);
  expect(second.filter((bytes, index) => bytes !== first[index])).toHaveLength(1);
  expect(textOf(view, variant, NOW + 60_000)).toContain('"Status":"Up 6 minutes"');
  expect(textOf(view, variant, NOW + 60_000)).not.toContain('"Status":"Up 5 minutes"');
});

describe('an entry', () => {
  const node = modelNode('bee');
  const entry = (summary: ContainerSummary, style: 'plain' | 'node' = 'plain'): ContainerSummary =>
    JSON.parse(renderEntry(new Container(node, summary, NOW), style, NOW).text);

  test('keeps what it does not know and replaces names, ports and status', () => {
    const summary = { ...containerSummary('a'), NewField: { deep: [1, 'é"\n'] } };
    expect(entry(summary)).toEqual({ ...summary, Names: ['/c-a', '/bee/c-a'] });
    expect(entry(summary, 'node').Names).toEqual(['/bee/c-a']);
  });

  test.each(['web', 'a.b-c_d', 'é', 'a"b', 'a\\b', 'a\nb', '\u2028'])(
    'has the name %j as its engine gives it',
    (name) => {
      expect(entry(containerSummary('a', { Names: [`/${name}`, `/web/${name}`] })).Names).toEqual([
        `/${name}`,
        `/web/${name}`,
        `/bee/${name}`,
        `/bee/web/${name}`,
      ]);
    },
  );

  test('is down with its host', () => {
    const lost = modelNode('lost');
    const container = new Container(lost, containerSummary('a'), NOW);
    lost.setState('Unhealthy', 'gone');
    expect(JSON.parse(renderEntry(container, 'plain', NOW).text).Status).toBe('Host Down');
    expect(container.isListedByDefault).toBe(false);
  });

  test('is kept as bytes from the second listing on, while it stays true', () => {
    const one = modelNode('one');
    const container = new Container(one, containerSummary('a', { Status: 'Up 5 minutes' }), NOW);
    const view = new ContainerListView(new ContainerList());
    const first = view.bytesOf(container, 'plain', NOW);
    const second = view.bytesOf(container, 'plain', NOW);
    expect(second).toEqual(first);
    expect(second).not.toBe(first);
    expect(view.bytesOf(container, 'plain', NOW)).toBe(second);
    expect(view.bytesOf(container, 'plain', NOW + 3_600_000).toString()).toContain('Up About an hour');
    one.setState('Unhealthy', 'gone');
    expect(view.bytesOf(container, 'plain', NOW).toString()).toContain('Host Down');
  });
});
