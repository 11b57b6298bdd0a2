import { describe, expect, it } from 'vitest';
import { FixtureCluster, outcomeOf } from '../../test/fakes/fixture-cluster.ts';
import { parsePlacement } from './placement.ts';
import { spotRuleOf } from './spot-rule.ts';

describe('the label io.enxame.spot', () => {
  it.each([
    { text: 'never', share: 0 },
    { text: 'allow', share: 1 },
    { text: 'share:50%', share: 0.5 },
    { text: 'share:100%', share: 1 },
  ])('$text is a share of $share', ({ text, share }) => {
    expect(spotRuleOf({ 'io.enxame.spot': text })).toEqual({ text, share });
  });

  it.each(['', 'no', 'share:50', 'share:101%', 'share:-1%', 'Never'])('refuses %j', (text) => {
    expect(() => parsePlacement({ Labels: { 'io.enxame.spot': text } })).toThrow(/write never, allow, or share:50%/);
  });

  it('is not there without a word', () => {
    expect(parsePlacement({ Labels: { other: 'x' } }).request.spot).toBeUndefined();
  });
});

describe('nodes that can be taken back', () => {
  const nodes = [{ name: 'spot', labels: { spot: 'true' } }, { name: 'firm' }];
  const place = (rule: string | undefined, count: number, labels: Record<string, string> = {}): readonly string[] => {
    const cluster = new FixtureCluster(nodes);
    const Labels = { 'io.enxame.group': 'g', ...(rule !== undefined && { 'io.enxame.spot': rule }), ...labels };
    return Array.from({ length: count }, (_, i) =>
      outcomeOf(cluster.run({ Image: 'x', Labels }, `x-${i}`, { strategy: 'spread' })),
    );
  };

  it.each([
    { rule: undefined, spot: 2 },
    { rule: 'allow', spot: 2 },
    { rule: 'never', spot: 0 },
    { rule: 'share:50%', spot: 2 },
    { rule: 'share:25%', spot: 1 },
    { rule: 'share:24%', spot: 0 },
  ])('take $spot of four with $rule', ({ rule, spot }) => {
    expect(place(rule, 4).filter((name) => name === 'spot')).toHaveLength(spot);
  });

  it('take nothing with a share that is in no group', () => {
    expect(place('share:50%', 2, { 'io.enxame.group': '' })).toEqual(['firm', 'firm']);
  });

  it('are said to be the reason', () => {
    const cluster = new FixtureCluster(nodes.slice(0, 1));
    const body = { Image: 'x', Labels: { 'io.enxame.spot': 'never' } };
    expect(outcomeOf(cluster.run(body, 'x'))).toMatch(
      /its provider may take it back \(label spot=true\).*io\.enxame\.spot=never/,
    );
  });
});
