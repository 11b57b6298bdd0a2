import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../common/go-json.ts';
import { CREATE_BODY } from './body-shapes.ts';

test('a create body in any case is the one in its own case', () => {
  const body = {
    Image: 'redis',
    Env: ['a=b'],
    Labels: { env: '1', Image: '2' },
    HostConfig: {
      Memory: 5,
      NanoCpus: 6,
      PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '80' }] },
      Mounts: [{ Type: 'volume', Source: 'data', VolumeOptions: { Labels: { type: 'x' } } }],
      Links: ['db'],
    },
    NetworkingConfig: { EndpointsConfig: { back: { IPAMConfig: { IPv4Address: '10.0.0.2' }, Aliases: ['x'] } } },
  };
  const keep = new Set(['env', '80/tcp', 'type', 'back']);
  const recased = (value: unknown, flips: readonly boolean[], isMap: boolean): unknown => {
    if (Array.isArray(value)) return value.map((item) => recased(item, flips, false));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => {
        const isInnerMap = ['Labels', 'PortBindings', 'EndpointsConfig'].includes(name);
        const other = [...name].map((c, i) => (flips[i % flips.length] ? c.toUpperCase() : c.toLowerCase())).join('');
        return [isMap || keep.has(name) ? name : other, recased(inner, flips, isInnerMap)];
      }),
    );
  };
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 16 }), (flips) => {
      const text = JSON.stringify(recased(body, flips, false));
      expect(JSON.parse(canonicalJson(text, CREATE_BODY))).toEqual(body);
    }),
  );
});
