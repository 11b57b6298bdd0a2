/** Milliseconds in each unit Docker uses for ages. */
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** From hours on Docker rounds to the nearest hour first, so every step comes half an hour early. */
const HALF_HOUR = HOUR / 2;

/** One way to say an age: from `fromMs` on, a number of units that grows `earlyMs` before each full one. */
interface AgeBand {
  readonly fromMs: number;
  readonly unitMs: number;
  readonly earlyMs: number;
  readonly unit: string;
  readonly text: (count: number) => string;
}

function counted(fromMs: number, unitMs: number, unit: string, earlyMs: number = 0): AgeBand {
  return { fromMs, unitMs, earlyMs, unit, text: (count) => `${count} ${unit}s` };
}

function single(fromMs: number, unitMs: number, text: string, earlyMs: number = 0): AgeBand {
  return { fromMs, unitMs, earlyMs, unit: '', text: () => text };
}

/** Docker's wording of durations (go-units `HumanDuration`), largest first. Its years do not round: "1 years" lasts half an hour. */
const BANDS: readonly AgeBand[] = [
  counted(2 * 365 * DAY - HALF_HOUR, 365 * DAY, 'year'),
  counted(60 * DAY - HALF_HOUR, 30 * DAY, 'month', HALF_HOUR),
  counted(14 * DAY - HALF_HOUR, 7 * DAY, 'week', HALF_HOUR),
  counted(2 * DAY - HALF_HOUR, DAY, 'day', HALF_HOUR),
  counted(HOUR + HALF_HOUR, HOUR, 'hour', HALF_HOUR),
  single(HOUR, HOUR, 'About an hour', HALF_HOUR),
  counted(2 * MINUTE, MINUTE, 'minute'),
  single(MINUTE, MINUTE, 'About a minute'),
  counted(2 * SECOND, SECOND, 'second'),
  single(SECOND, SECOND, '1 second'),
  single(0, SECOND, 'Less than a second'),
];

/** An age in words and how long (in milliseconds) the words stay true. */
export interface AgeText {
  readonly text: string;
  readonly validMs: number;
}

/** Docker's words for an age in milliseconds; an age below zero (a clock that is off) counts as none. */
export function ageText(ageMs: number): AgeText {
  const age = Math.max(0, Math.floor(ageMs));
  let nextFromMs = Number.POSITIVE_INFINITY;
  for (const band of BANDS) {
    if (age >= band.fromMs) {
      const count = Math.floor((age + band.earlyMs) / band.unitMs);
      const nextStepMs = (count + 1) * band.unitMs - band.earlyMs;
      return { text: band.text(count), validMs: Math.min(nextStepMs, nextFromMs) - age };
    }
    nextFromMs = band.fromMs;
  }
  throw new Error(`no words for an age of ${ageMs} ms`);
}

/** The least age in milliseconds that has these words; undefined when they are none that a date can have. */
export function parseAge(text: string): number | undefined {
  const alone = BANDS.find((band) => band.unit === '' && band.text(1) === text);
  if (alone) return alone.fromMs;
  const match = /^(\d{1,5}) ([a-z]+?)s?$/.exec(text);
  const band = BANDS.find(({ unit }) => unit !== '' && unit === match?.[2]);
  return band && Math.max(band.fromMs, Number(match?.[1]) * band.unitMs - band.earlyMs);
}
