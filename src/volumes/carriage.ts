import type { VolumeSummary } from '../engine/types.ts';

/** How a volume comes along when its container moves. */
export type Carriage =
  /** Its content is copied. */
  | { readonly kind: 'copy' }
  /** It is made on the other node as it was: what it mounts is the same from everywhere, or nothing that lasts. */
  | { readonly kind: 'alike' }
  /** It stays, and so does its container. */
  | { readonly kind: 'bound'; readonly why: string };

/** File systems of the local driver's option `type` that every node reaches. */
const OF_THE_NETWORK = /^(nfs[34]?|cifs|smb3|smbfs|ceph|glusterfs|fuse\.(glusterfs|sshfs|s3fs)|9p)$/;

/** How a volume of local scope comes along. */
export function carriageOf({ Driver, Options }: Pick<VolumeSummary, 'Driver' | 'Options'>): Carriage {
  if (Driver !== 'local') return { kind: 'bound', why: `it is of the driver ${Driver}, whose volumes are not copied` };
  const { type, device } = Options ?? {};
  if (type !== undefined && OF_THE_NETWORK.test(type)) return { kind: 'alike' };
  if (type === 'tmpfs') return { kind: 'alike' };
  if (device) return { kind: 'bound', why: `it mounts ${device} of its node` };
  return { kind: 'copy' };
}
