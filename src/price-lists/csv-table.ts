/** Reads lines of comma-separated values (RFC 4180, without line breaks in values) under a line of titles. */
export class CsvTable {
  readonly #firstTitle: string;
  #columns: ReadonlyMap<string, number> | undefined;

  /** @param firstTitle where the titles begin: what stands above them is passed over */
  constructor(firstTitle: string) {
    this.#firstTitle = firstTitle;
  }

  /** Whether the titles were found. */
  get hasTitles(): boolean {
    return this.#columns !== undefined;
  }

  /** A reader of the values of a line by title, empty for columns that are not there; undefined for the titles and what is above. */
  row(line: string): ((title: string) => string) | undefined {
    const values = valuesIn(line);
    if (this.#columns !== undefined) {
      const columns = this.#columns;
      return (title) => values[columns.get(title) ?? -1] ?? '';
    }
    if (values[0] === this.#firstTitle) this.#columns = new Map(values.map((title, index) => [title, index]));
    return undefined;
  }
}

function valuesIn(line: string): readonly string[] {
  const values: string[] = [];
  let at = 0;
  while (at <= line.length) {
    if (line[at] === '"') {
      let value = '';
      let end = line.indexOf('"', at + 1);
      while (end !== -1 && line[end + 1] === '"') {
        value += line.slice(at + 1, end + 1);
        at = end + 1;
        end = line.indexOf('"', at + 1);
      }
      if (end === -1) end = line.length;
      values.push(value + line.slice(at + 1, end));
      at = line.indexOf(',', end);
    } else {
      const end = line.indexOf(',', at);
      values.push(line.slice(at, end === -1 ? line.length : end));
      at = end;
    }
    if (at === -1) break;
    at += 1;
  }
  return values;
}
