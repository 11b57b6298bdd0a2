/**
 * xterm.js writes style elements and style attributes, which the page's policy of contents forbids. This document makes elements for it that
 * do the same by the ways that are allowed: sheets that are constructed, and the declarations of an element's style.
 */
export function lawfulDocument(): { readonly document: Document; close(): void } {
  const sheets = new Set<CSSStyleSheet>();
  const make = document.createElement.bind(document);
  const createElement = (name: string, options?: ElementCreationOptions): HTMLElement => {
    const element = make(name, options);
    if (name === 'style') constructSheet(element, sheets);
    else if (name === 'span') declareStyle(element);
    return element;
  };
  const proxy = new Proxy(document, {
    get(target, key) {
      if (key === 'createElement') return createElement;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return {
    document: proxy,
    close: () => {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => !sheets.has(sheet));
    },
  };
}

/** Runs what asks the page's own document for elements, for as long as it runs. */
export function lawfully(lawful: Document, work: () => void): void {
  document.createElement = lawful.createElement;
  try {
    work();
  } finally {
    // Its own property goes, the prototype's method is left.
    Reflect.deleteProperty(document, 'createElement');
  }
}

function constructSheet(element: HTMLElement, sheets: Set<CSSStyleSheet>): void {
  const sheet = new CSSStyleSheet();
  sheets.add(sheet);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, 'textContent', { set: (text: string) => sheet.replaceSync(text) });
}

function declareStyle(element: HTMLElement): void {
  element.setAttribute = (name, value) => {
    if (name === 'style') element.style.cssText = value;
    else Element.prototype.setAttribute.call(element, name, value);
  };
}
