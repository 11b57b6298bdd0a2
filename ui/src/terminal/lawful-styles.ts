/**
 * xterm.js writes style elements and style attributes, which the page's policy of contents forbids. From now on, until it is ended, elements that
 * scripts make do the same by the ways that are allowed: sheets that are constructed, and the declarations of an element's style.
 * @returns what ends it
 */
export function styleLawfully(): () => void {
  const sheets = new Set<CSSStyleSheet>();
  const make = Document.prototype.createElement;
  document.createElement = (name: string, options?: ElementCreationOptions): HTMLElement => {
    // Even an empty style element is against the policy: this one is never styled by what it holds.
    const element = make.call(document, name === 'style' ? 'template' : name, options);
    if (name === 'style') constructSheet(element, sheets);
    else if (name === 'span') declareStyle(element);
    return element;
  };
  return () => {
    // The document's own method goes, the prototype's is left.
    Reflect.deleteProperty(document, 'createElement');
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => !sheets.has(sheet));
  };
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
