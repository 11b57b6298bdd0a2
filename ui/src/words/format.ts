import type { Money } from '../../../src/page/protocol.ts';
import { currentLanguage, words } from './words.ts';

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function bytes(count: number): string {
  let [value, unit] = [count, 0];
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${number(value, value >= 100 || unit === 0 ? 0 : value >= 10 ? 1 : 2)} ${BYTE_UNITS[unit]}`;
}

export function number(value: number, digits = 0): string {
  return formatOf(currentLanguage(), digits).format(value);
}

/** Making one costs more than a hundred numbers do. */
const formats = new Map<string, Intl.NumberFormat>();

function formatOf(language: string, digits: number): Intl.NumberFormat {
  const key = `${language} ${digits}`;
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.NumberFormat(language, { maximumFractionDigits: digits });
  formats.set(key, made);
  return made;
}

export function percent(part: number): string {
  return part.toLocaleString(currentLanguage(), { style: 'percent', maximumFractionDigits: 0 });
}

/** A duration in its largest unit, and the next one where that is small: `2 h 5 min`. */
export function duration(ms: number): string {
  const { day, hour, minute, second } = words().units;
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} ${second}`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} ${minute}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 10) return minutes % 60 ? `${hours} ${hour} ${minutes % 60} ${minute}` : `${hours} ${hour}`;
  return hours < 48 ? `${hours} ${hour}` : `${Math.floor(hours / 24)} ${day}`;
}

export function ago(at: number, now: number): string {
  return words().units.ago(duration(now - at));
}

export function time(at: number): string {
  return new Date(at).toLocaleString(currentLanguage(), { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
}

export function clock(at: number): string {
  return new Date(at).toLocaleTimeString(currentLanguage(), { hourCycle: 'h23' });
}

/** A price, rounded to so many decimals as matter; never through binary numbers. */
export function money({ amount, currency }: Money): string {
  const [before = '0', decimals = ''] = amount.replace('-', '').split('.');
  const needed = before === '0' ? Math.max(2, decimals.search(/[1-9]/) + 3) : 2;
  const tenfold = BigInt(`${before}${decimals.padEnd(needed + 1, '0').slice(0, needed + 1)}`);
  const digits = String((tenfold + 5n) / 10n).padStart(needed + 1, '0');
  const [whole, shown] = [digits.slice(0, -needed), digits.slice(-needed).replace(/(?<=..)0+$/, '')];
  const [group, point] = currentLanguage() === 'pt-BR' ? ['.', ','] : [',', '.'];
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, group);
  return `${amount.startsWith('-') ? '−' : ''}${grouped}${point}${shown} ${currency}`.trimEnd();
}

export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}
