/** Colours of the map; the same names are in style/tokens.css for everything else. */
export interface Palette {
  readonly services: readonly string[];
  readonly comb: string;
  readonly combEdge: string;
  readonly empty: string;
  readonly honey: string;
  readonly honeyTop: string;
  readonly island: string;
  readonly islandEdge: string;
  readonly text: string;
  readonly muted: string;
  readonly good: string;
  readonly bad: string;
  readonly badComb: string;
  readonly warn: string;
  readonly warnComb: string;
  readonly info: string;
  readonly idle: string;
  readonly focus: string;
  readonly onCell: string;
}

export const DARK: Palette = {
  services: [
    '#f5b50a',
    '#4cc9a4',
    '#6aa9ff',
    '#ff8a65',
    '#c79bff',
    '#9ccc3c',
    '#ff7eb6',
    '#3fc8e4',
    '#e0c36a',
    '#8f9bff',
    '#5fd38d',
    '#f08c8c',
  ],
  comb: '#241d12',
  combEdge: '#5c4a2a',
  empty: '#382d1a',
  honey: '#7d5607',
  honeyTop: '#f0ac17',
  island: '#1b160e',
  islandEdge: '#322816',
  text: '#f6eedd',
  muted: '#b5a78c',
  good: '#4cc98a',
  bad: '#ff6b5e',
  badComb: '#3a1512',
  warn: '#ffb454',
  warnComb: '#35240b',
  info: '#6ab7ff',
  idle: '#7d7361',
  focus: '#ffe08a',
  onCell: '#1c1405',
};

export const LIGHT: Palette = {
  services: [
    '#e39a00',
    '#149274',
    '#2f74d6',
    '#d9552b',
    '#8a56d6',
    '#64901a',
    '#cf3d84',
    '#0f8fae',
    '#a3801c',
    '#5661d8',
    '#2b9457',
    '#c44d4d',
  ],
  comb: '#fffaf0',
  combEdge: '#e2d2ae',
  empty: '#f3e8d0',
  honey: '#fde3a0',
  honeyTop: '#e0a21b',
  island: '#f6eedb',
  islandEdge: '#e6d8b9',
  text: '#2b2110',
  muted: '#6d5f45',
  good: '#188a55',
  bad: '#c62f21',
  badComb: '#fde4e0',
  warn: '#b36a00',
  warnComb: '#fdf0d5',
  info: '#1f6fc9',
  idle: '#9c9079',
  focus: '#7a4b00',
  onCell: '#fffaf0',
};

/** The same for the same text, in all browsers. */
export function hashOf(text: string): number {
  let hash = 2_166_136_261;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16_777_619);
  return hash >>> 0;
}
