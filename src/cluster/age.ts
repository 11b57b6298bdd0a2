/** Seconds in each unit Docker uses for ages, with the bounds at which it changes to the next. */
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** One way to say an age: from `fromSeconds` on, in steps of `unitSeconds`. */
interface AgeBand {
  readonly fromSeconds: number;
  readonly unitSeconds: number;
  readonly text: (count: number) => string;
}

/**
 * Docker's wording of durations (go-units `HumanDuration`), largest first. Hours round to the nearest,
 * everything else rounds down.
 */
const BANDS: readonly AgeBand[] = [
  { fromSeconds: 2 * 365 * DAY, unitSeconds: 365 * DAY, text: (count) => `${count} years` },
  { fromSeconds: 60 * DAY, unitSeconds: 30 * DAY, text: (count) => `${count} months` },
  { fromSeconds: 14 * DAY, unitSeconds: 7 * DAY, text: (count) => `${count} weeks` },
  { fromSeconds: 47.5 * HOUR, unitSeconds: DAY, text: (count) => `${count} days` },
  { fromSeconds: 1.5 * HOUR, unitSeconds: HOUR, text: (count) => `${count} hours` },
  { fromSeconds: HOUR, unitSeconds: HOUR, text: () => 'About an hour' },
  { fromSeconds: 2 * MINUTE, unitSeconds: MINUTE, text: (count) => `${count} minutes` },
  { fromSeconds: MINUTE, unitSeconds: MINUTE, text: () => 'About a minute' },
  { fromSeconds: 2, unitSeconds: 1, text: (count) => `${count} seconds` },
  { fromSeconds: 1, unitSeconds: 1, text: () => '1 second' },
];

/** An age in words and how long (in milliseconds) the words stay true. */
export interface AgeText {
  readonly text: string;
  readonly validMs: number;
}

/** Docker's words for an age in milliseconds. */
export function ageText(ageMs: number): AgeText {
  const seconds = Math.max(0, ageMs / 1000);
  let nextFrom = Number.POSITIVE_INFINITY;
  for (const band of BANDS) {
    if (seconds >= band.fromSeconds) {
      const isHours = band.unitSeconds === HOUR;
      const count = Math.floor(seconds / band.unitSeconds + (isHours ? 0.5 : 0));
      const nextStep = (count + (isHours ? 0.5 : 1)) * band.unitSeconds;
      return { text: band.text(count), validMs: Math.max(1, (Math.min(nextStep, nextFrom) - seconds) * 1000) };
    }
    nextFrom = band.fromSeconds;
  }
  return { text: 'Less than a second', validMs: Math.max(1, (1 - seconds) * 1000) };
}

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  second: 1,
  minute: MINUTE,
  hour: HOUR,
  day: DAY,
  week: 7 * DAY,
  month: 30 * DAY,
  year: 365 * DAY,
};

/** The least age in milliseconds that has these words; undefined when they are no age. */
export function parseAge(text: string): number | undefined {
  if (text === 'Less than a second') return 0;
  if (text === 'About a minute') return MINUTE * 1000;
  if (text === 'About an hour') return HOUR * 1000;
  const match = /^(\d+) (second|minute|hour|day|week|month|year)s?$/.exec(text);
  if (!match?.[2]) return undefined;
  const seconds = Number(match[1]) * (UNIT_SECONDS[match[2]] ?? 0);
  return (match[2] === 'hour' ? seconds - HOUR / 2 : seconds) * 1000;
}
