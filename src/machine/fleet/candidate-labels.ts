import { loadDriver } from '../../drivers/drivers.ts';
import type { OptionValue } from '../../drivers/options.ts';
import type { CreateRequest } from '../create.ts';

/** What of a driver's flags says which label its engine will have. */
const SAYS: readonly (readonly [label: string, flag: RegExp])[] = [
  ['region', /-(region|location|server-location)$/],
  ['zone', /-(zone|availability-zone)$/],
  ['instance-type', /-(instance-type|server-type|machine-type|commercial-type|vps-plan|flavor-name|size)$/],
];
/** Flags that end alike and are about something else. */
const OTHERS = /-(root-size|disk-size|swap-size|volume-size|root-volume-size)$/;
const SPOT = /-(request-spot-instance|preemptible|spot|low-priority)$/;

/** The labels that the engine of a machine would have, as far as its request and the driver's defaults say it before it is made. */
export async function candidateLabels({
  driver,
  options,
  engine,
}: Pick<CreateRequest, 'driver' | 'options' | 'engine'>): Promise<Readonly<Record<string, string>>> {
  const { options: known } = await loadDriver(driver);
  const optionOf = (flag: RegExp): OptionValue | undefined =>
    known
      .filter((option) => flag.test(option.flag) && !OTHERS.test(option.flag))
      .map((option) => options[option.flag] ?? option.default)
      .find((value) => value !== undefined);
  const found = Object.fromEntries(
    SAYS.flatMap(([label, flag]) => {
      const value = optionOf(flag);
      return typeof value === 'string' || typeof value === 'number' ? [[label, String(value)]] : [];
    }),
  );
  return {
    provider: driver,
    ...withRegion(found),
    ...(optionOf(SPOT) === true && { spot: 'true' }),
    ...engine.labels,
  };
}

/** Zones are named after their region: `europe-west3-b`, `fr-par-1`; EC2's flag has the letter alone. */
function withRegion(found: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { region, zone } = found;
  if (zone === undefined) return found;
  if (region === undefined) return { ...found, region: zone.replace(/-[a-z0-9]$/, '') };
  return /^[a-z]$/.test(zone) ? { ...found, zone: `${region}${zone}` } : found;
}
