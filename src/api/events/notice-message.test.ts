import { describe, expect, test } from 'vitest';
import { engineInfo, modelNode } from '../../../test/fakes/model.ts';
import { Cluster } from '../../cluster/cluster.ts';
import { systemClock } from '../../common/clock.ts';
import { silentLogger } from '../../common/logger.ts';
import type { Notice } from '../../notify/notice.ts';
import { noticeMessage } from './notice-message.ts';

const cluster = new Cluster({ clock: systemClock, logger: silentLogger() });
const node = modelNode('bee-1', 'id-1');
cluster.addNode(node);
cluster.setInfo(node, engineInfo('bee-1', 'id-1'));

function told(notice: Notice): Record<string, unknown> | undefined {
  const message = noticeMessage(notice, cluster, 1_700_000_000_000);
  return message && JSON.parse(message.line.toString());
}

describe('clients of docker events are told', () => {
  test('of a container that waits, on its node', () => {
    const container = { id: 'c1', name: 'db' };
    expect(told({ event: 'waiting', text: '', container, node: 'bee-1', why: 'volume "data" is there' })).toMatchObject(
      {
        Type: 'container',
        Action: 'reschedule_wait',
        id: 'c1',
        scope: 'cluster',
        node: { Name: 'bee-1', Id: 'id-1' },
        Actor: { ID: 'c1', Attributes: { name: 'db', reason: 'volume "data" is there', 'node.name': 'bee-1' } },
        timeNano: 1_700_000_000_000_000_000,
      },
    );
  });

  test('of a node that is lost', () => {
    expect(told({ event: 'node-lost', text: '', node: 'bee-1', why: 'no answer' })).toMatchObject({
      Type: 'node',
      Action: 'engine_lost',
      Actor: { ID: 'id-1', Attributes: { name: 'bee-1', reason: 'no answer' } },
    });
  });

  test.each(['brake-on', 'brake-off'] as const)('of the %s', (event) => {
    expect(told({ event, text: '', why: '2 of 5' })).toMatchObject({
      Type: 'daemon',
      Action: `failover_${event.replace('-', '_')}`,
      Actor: { Attributes: { reason: '2 of 5' } },
    });
  });

  test('of a move by what its container does', () => {
    expect(told({ event: 'moved', text: '' })).toBeUndefined();
  });
});
