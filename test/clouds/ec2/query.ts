/** A request's parameters in EC2's form: `Filter.1.Value.2=x`. */
export class Query {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  static parse(body: string): Query {
    return new Query(new Map(new URLSearchParams(body)));
  }

  text(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** The structures of a list, in order. */
  list(name: string): Query[] {
    const numbers = new Set<number>();
    const start = `${name}.`;
    for (const key of this.#values.keys())
      if (key.startsWith(start)) numbers.add(Number(key.slice(start.length).split('.')[0]));
    return [...numbers].sort((a, b) => a - b).map((number) => this.in(`${name}.${number}`));
  }

  /** The texts of a list. */
  texts(name: string): string[] {
    return this.list(name).map((each) => each.text('') ?? '');
  }

  /** A structure. */
  in(name: string): Query {
    const start = `${name}.`;
    const inner = [...this.#values]
      .filter(([key]) => key.startsWith(start))
      .map(([key, value]) => [key.slice(start.length), value] as const);
    const own = this.#values.get(name);
    return new Query(new Map([...inner, ...(own === undefined ? [] : [['', own] as const])]));
  }
}

/** A value as EC2 writes it: lists are `item` elements. */
export type Xml = string | number | boolean | undefined | readonly Xml[] | { readonly [name: string]: Xml };

export function toXml(value: Xml): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map((each: Xml) => `<item>${toXml(each)}</item>`).join('');
  if (typeof value !== 'object') return String(value).replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(([name, each]) => `<${name}>${toXml(each)}</${name}>`)
    .join('');
}
