import { Topic, useTopic } from '../model/again.ts';
import { en, type Words } from './en.ts';
import { ptBr } from './pt-br.ts';

export type Language = 'en' | 'pt-BR';

const KEY = 'enxame.language';
const LANGUAGES: Readonly<Record<Language, Words>> = { en, 'pt-BR': ptBr };
export const LANGUAGE_NAMES: readonly (readonly [Language, string])[] = [
  ['en', en.language],
  ['pt-BR', ptBr.language],
];

let language: Language = initial();
const topic = new Topic();
document.documentElement.lang = language;

function initial(): Language {
  const chosen = localStorage.getItem(KEY);
  if (chosen === 'en' || chosen === 'pt-BR') return chosen;
  return navigator.languages.find((each) => /^(en|pt)/.test(each))?.startsWith('pt') ? 'pt-BR' : 'en';
}

export function currentLanguage(): Language {
  return language;
}

export function setLanguage(chosen: Language): void {
  language = chosen;
  localStorage.setItem(KEY, chosen);
  document.documentElement.lang = chosen;
  topic.tell();
}

/** The words of now, outside of components. */
export function words(): Words {
  return LANGUAGES[language];
}

/** The words of the chosen language; draws the component anew when another one is chosen. */
export function useWords(): Words {
  useTopic(topic);
  return LANGUAGES[language];
}
