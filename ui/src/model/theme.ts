import { DARK, LIGHT, type Palette } from '../hive/palette.ts';
import { Topic, useTopic } from './again.ts';

export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'enxame.theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const stillness = matchMedia('(prefers-reduced-motion: reduce)');
const topic = new Topic();

let theme: Theme = initial();
show();
system.addEventListener('change', () => topic.tell());

function initial(): Theme {
  const chosen = localStorage.getItem(KEY);
  return chosen === 'light' || chosen === 'dark' ? chosen : 'auto';
}

function show(): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function setTheme(chosen: Theme): void {
  theme = chosen;
  localStorage.setItem(KEY, chosen);
  show();
  topic.tell();
}

export function useTheme(): { readonly theme: Theme; readonly isDark: boolean; readonly palette: Palette } {
  useTopic(topic);
  const isDark = theme === 'auto' ? system.matches : theme === 'dark';
  return { theme, isDark, palette: isDark ? DARK : LIGHT };
}

/** Whether things may move on the screen. */
export function canMove(): boolean {
  return !stillness.matches;
}
