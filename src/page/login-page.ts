/**
 * What answers the link of `enxame page`. The link's secret stands behind `#`, which browsers send to nobody: the script sends it once, in
 * a body, and takes it out of the address. It works without the built page.
 */
export const LOGIN_FILES: ReadonlyMap<string, { readonly type: string; readonly text: string }> = new Map([
  ['/login', { type: 'text/html; charset=utf-8', text: html() }],
  ['/login.js', { type: 'text/javascript; charset=utf-8', text: script() }],
  ['/login.css', { type: 'text/css; charset=utf-8', text: style() }],
]);

/** A page of a few words, for what must be said without the built page. */
export function plainPage(title: string, text: string): string {
  return page(title, `<h1>${title}</h1><p>${text}</p>`);
}

function page(title: string, body: string, head: string = ''): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/bee.svg" type="image/svg+xml">
<link rel="icon" href="/bee.svg">
<link rel="stylesheet" href="/login.css">
${head}</head>
<body><main>${body}</main></body>
</html>
`;
}

function html(): string {
  const body = `<h1>Enxame</h1>
<p id="say" role="status">Logging in…</p>
<noscript><p>This page needs JavaScript.</p></noscript>`;
  return page('Enxame: log in', body, '<script src="/login.js" defer></script>\n');
}

function style(): string {
  return `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: Canvas; color: CanvasText; }
main { max-width: 34rem; padding: 2rem; }
h1 { font-size: 1.5rem; }
code { font: 0.95em ui-monospace, monospace; }
`;
}

function script(): string {
  return `'use strict';
const WORDS = {
  en: {
    none: 'This page shows a swarm to those who log in. Run "enxame page" and open the link that it prints.',
    bad: 'This link was used already, or is too old. Run "enxame page" again and open the new link.',
    unreachable: 'The manager does not answer. Run "enxame page" again when it does.',
    storage: 'This browser keeps nothing for this page (private mode?), so it cannot log in.',
  },
  pt: {
    none: 'Esta página mostra um enxame a quem entra. Execute "enxame page" e abra o link que aparece.',
    bad: 'Este link já foi usado, ou é antigo demais. Execute "enxame page" de novo e abra o novo link.',
    unreachable: 'O gerente não responde. Execute "enxame page" de novo quando ele responder.',
    storage: 'Este navegador não guarda nada para esta página (modo privado?), por isso não é possível entrar.',
  },
};
const language = navigator.language.toLowerCase().startsWith('pt') ? 'pt' : 'en';
document.documentElement.lang = language === 'pt' ? 'pt-BR' : 'en';
const say = (word) => {
  document.getElementById('say').textContent = WORDS[language][word];
};

async function login() {
  const link = location.hash.slice(1);
  history.replaceState(null, '', '/login');
  if (link === '') return say('none');
  let answer;
  try {
    answer = await fetch('/api/v1/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ link }),
    });
  } catch {
    return say('unreachable');
  }
  if (!answer.ok) return say('bad');
  const { token } = await answer.json();
  try {
    localStorage.setItem('enxame.token', token);
  } catch {
    return say('storage');
  }
  const wanted = localStorage.getItem('enxame.wanted') ?? '';
  localStorage.removeItem('enxame.wanted');
  location.replace(wanted.startsWith('#/') ? '/' + wanted : '/');
}
login();
// The link was opened in a tab that shows this page already.
addEventListener('hashchange', () => {
  if (location.hash !== '') login();
});
`;
}
