import { expect, test } from 'vitest';
import { CLUSTER_SOCKET, mountsClusterSocket, withClusterSocket } from './cluster-socket.ts';

const BIND = '/var/run/docker.sock:/var/run/docker.sock:rw';
const LARGE = '{"Type":"tmpfs","Target":"/t","TmpfsOptions":{"SizeBytes":9007199254740993}}';

test.each<[string, string, string | undefined]>([
  [
    'a bind',
    `{"HostConfig":{"Binds":["/data:/data","${BIND}","/run/docker.sock:/d.sock"]}}`,
    `{"HostConfig":{"Binds":["/data:/data","${CLUSTER_SOCKET}:/var/run/docker.sock:rw","${CLUSTER_SOCKET}:/d.sock"]}}`,
  ],
  [
    'a mount, and another one with a number that is too large here',
    `{"HostConfig":{"Mounts":[${LARGE},{"Type":"bind","Source":"/var/run/docker.sock","Target":"/s"}]}}`,
    `{"HostConfig":{"Mounts":[${LARGE},{"Type":"bind","Source":"${CLUSTER_SOCKET}","Target":"/s"}]}}`,
  ],
  [
    'one that does not want it',
    `{"Labels":{"io.enxame.cluster-socket":"false"},"HostConfig":{"Binds":["${BIND}"]}}`,
    undefined,
  ],
  ['another path', '{"HostConfig":{"Binds":["/var/run/docker.sock.d:/x","/srv/var/run/docker.sock:/y"]}}', undefined],
  ['no mounts', '{"HostConfig":{"Binds":null}}', undefined],
])('the engine’s socket is the cluster’s in %s', (_, text, expected) => {
  const edited = withClusterSocket(text, JSON.parse(text), true);
  expect(edited).toBe(expected ?? text);
  expect(mountsClusterSocket(JSON.parse(edited))).toBe(expected !== undefined);
  // As a manager does that gives none.
  expect(withClusterSocket(text, JSON.parse(text), false)).toBe(text);
});

test('a manager that gives no cluster socket refuses who asks for one', () => {
  const text = `{"Labels":{"io.enxame.cluster-socket":"true"},"HostConfig":{"Binds":["${BIND}"]}}`;
  expect(() => withClusterSocket(text, JSON.parse(text), false)).toThrow(
    'label io.enxame.cluster-socket=true needs a manager that runs with --cluster-socket',
  );
});
