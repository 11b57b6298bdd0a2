/** Lines of comma-separated values (RFC 4180, lines end with a newline), with a line of titles. */
export function toCsv(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  return [titles, ...rows].map((row) => `${row.map(cellOf).join(',')}\n`).join('');
}

/** Texts of others that a spreadsheet would take for a formula get an apostrophe in front. */
function cellOf(text: string): string {
  const plain = /^[=+@\t\r]|^-(?![\d.]+$)/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
