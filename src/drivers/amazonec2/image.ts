import type { Image } from '@aws-sdk/client-ec2';
import { DriverError } from '../errors.ts';
import type { Ec2Client } from './client.ts';
import { SYSTEMS } from './systems.ts';

/** An image that can be booted: the given one, else the newest official one of `system` for `processor` (`x86_64`, `arm64`). */
export async function findImage(
  ec2: Ec2Client,
  { ami, system, processor }: { ami: string | undefined; system: string; processor: string },
  signal: AbortSignal,
): Promise<Image & { readonly ImageId: string }> {
  const found = ami === undefined ? await newest(ec2, system, processor, signal) : await given(ec2, ami, signal);
  if (found?.ImageId === undefined) throw noImage(ami ?? system, ec2.region, processor);
  return { ...found, ImageId: found.ImageId };
}

async function given(ec2: Ec2Client, ami: string, signal: AbortSignal): Promise<Image | undefined> {
  const { Images = [] } = await ec2.read((api, options) => api.describeImages({ ImageIds: [ami] }, options), signal);
  return Images[0];
}

async function newest(
  ec2: Ec2Client,
  name: string,
  processor: string,
  signal: AbortSignal,
): Promise<Image | undefined> {
  const system = SYSTEMS[name];
  if (system === undefined) return undefined;
  const Filters = [
    { Name: 'name', Values: [system.pattern(processor)] },
    { Name: 'architecture', Values: [processor] },
    { Name: 'state', Values: ['available'] },
    { Name: 'virtualization-type', Values: ['hvm'] },
  ];
  const { Images = [] } = await ec2.read(
    (api, options) => api.describeImages({ Owners: [system.owner], Filters }, options),
    signal,
  );
  return [...Images].sort((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''))[0];
}

function noImage(what: string, region: string, processor: string): DriverError {
  return new DriverError(
    `there is no image ${what} for ${processor} in ${region}. Give one of that region with --amazonec2-ami`,
    'NO_IMAGE',
  );
}
