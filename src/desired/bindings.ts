import { fieldsOf, stringsOf, textOf } from '../scheduler/json.ts';

/** Files of a host that every host has, of the same meaning. */
const EVERYWHERE = /^\/(etc\/(localtime|timezone)|usr\/share\/zoneinfo(\/.*)?)$/;
/** Sockets are of a service of the host, not data of it. */
const SOCKET = /\.sock(et)?$|^\/dev\/log$|^\\\\\.\\pipe\\/;

/**
 * What in a create body, or in the `HostConfig` of an inspected container, keeps the container on its node because elsewhere its data would be
 * missing, in words; undefined when nothing does. Named volumes are not judged here: where they live is not in the body.
 *
 * @param comesAlong whether the container that a reference means goes where this one goes, with the volumes that this one has from it
 */
export function boundByBody(
  hostConfig: unknown,
  comesAlong: (reference: string) => boolean = () => false,
): string | undefined {
  const reasons = [...mounts(hostConfig), ...devices(hostConfig), ...sharedVolumes(hostConfig, comesAlong)];
  return reasons.length > 0 ? [...new Set(reasons)].join(', ') : undefined;
}

function mounts(hostConfig: unknown): readonly string[] {
  const { Binds, Mounts } = fieldsOf(hostConfig);
  const paths = [
    // A Windows path has a colon of its own behind its drive's letter.
    ...stringsOf(Binds).map((bind) => /^([A-Za-z]:[\\/][^:]*|[^:]*):/.exec(bind)?.[1] ?? ''),
    ...(Array.isArray(Mounts) ? Mounts : []).flatMap((mount) => {
      const { Type, Source } = fieldsOf(mount);
      return Type === 'bind' ? textOf(Source) : [];
    }),
  ];
  return paths.filter(isOfItsHost).map((path) => `bind mount ${path}`);
}

function isOfItsHost(path: string): boolean {
  const isPath = /^(\/|~|\.|[A-Za-z]:[\\/])/.test(path);
  return isPath && !EVERYWHERE.test(path) && !SOCKET.test(path);
}

function devices(hostConfig: unknown): readonly string[] {
  const { Devices, DeviceRequests } = fieldsOf(hostConfig);
  const mapped = (Array.isArray(Devices) ? Devices : []).map((each) => textOf(fieldsOf(each).PathOnHost));
  const requested = Array.isArray(DeviceRequests) && DeviceRequests.length > 0 ? ['requested devices (GPUs)'] : [];
  return [...mapped.map((path) => `device ${path}`), ...requested];
}

function sharedVolumes(hostConfig: unknown, comesAlong: (reference: string) => boolean): readonly string[] {
  const { VolumesFrom } = fieldsOf(hostConfig);
  const references = stringsOf(VolumesFrom).map((text) => text.split(':')[0] ?? '');
  return references.filter((each) => !comesAlong(each)).map((each) => `volumes of container ${each}`);
}
