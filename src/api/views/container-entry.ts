import type { Container } from '../../cluster/container.ts';
import { type DatedText, shownStatus } from './container-status.ts';
import type { NameStyle } from './name-style.ts';

/** A container as `GET /containers/json` lists it, as JSON text. */
export function renderEntry(container: Container, style: NameStyle, nowMs: number): DatedText {
  const status = shownStatus(container, nowMs);
  return {
    text: `{"Names":[${namesText(container, style)}],"Status":${JSON.stringify(status.text)},"Id":"${container.id}"${container.shown}`,
    validUntilMs: status.validUntilMs,
  };
}

function namesText({ name, links, node }: Container, style: NameStyle): string {
  if (links.length === 0 && PLAIN.test(name) && PLAIN.test(node.name)) {
    const qualified = `"/${node.name}/${name}"`;
    return style === 'node' ? qualified : `"/${name}",${qualified}`;
  }
  const all = [name, ...links];
  const qualified = all.map((each) => JSON.stringify(`/${node.name}/${each}`));
  return (style === 'node' ? qualified : [...all.map((each) => JSON.stringify(`/${each}`)), ...qualified]).join();
}

/** Names that JSON need not escape: nearly all, and looking is cheaper than escaping. */
const PLAIN = /^[\w.-]+$/;
