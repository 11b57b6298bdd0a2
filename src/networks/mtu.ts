import { BadRequestError } from '../common/errors.ts';
import type { WantedNetwork } from './wanted-network.ts';

/** The option of bridges and overlay networks alike that says how large a packet may be, in bytes. */
export const MTU_OPTION = 'com.docker.network.driver.mtu';

/** What the overlay driver takes off the option for its own headers, and for those of encryption (moby, libnetwork/drivers/overlay). */
const VXLAN_BYTES = 50;
const ENCRYPTION_BYTES = 26;
/** What Linux takes for an interface of IPv4. */
const LEAST_MTU = 68;
const LARGEST_MTU = 65_535;

/**
 * The option that makes the substrate's own network give containers the size that was asked for; undefined when it is to stay as it is:
 * nothing was asked, or an overlay network by name, whose option means the packets of the nodes. Throws 400 for a size that no
 * engine takes; swarm mode would, and every start would fail.
 */
export function overlayMtu({ Driver, Options }: WantedNetwork): string | undefined {
  const text = Options?.[MTU_OPTION];
  if (text === undefined || text === '0' || text === '') return undefined;
  const asked = typeof text === 'string' && /^\+?\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  const headers = VXLAN_BYTES + (Options && 'encrypted' in Options ? ENCRYPTION_BYTES : 0);
  const inner = Driver === 'overlay' ? asked - headers : asked;
  if (!(inner >= LEAST_MTU && inner <= LARGEST_MTU - headers))
    throw new BadRequestError(
      `invalid ${MTU_OPTION} ${JSON.stringify(text)}: a number from ${LEAST_MTU} to ${LARGEST_MTU - headers}${Driver === 'overlay' ? `, plus ${headers} for headers` : ''}`,
      'BAD_MTU',
    );
  return Driver === 'overlay' ? undefined : String(asked + headers);
}
