/** Reads a flag of the Engine API: `1`, `true`, `True`, `t` … are true, absent and `0` are false. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && !['', '0', 'no', 'false', 'none'].includes(value.trim().toLowerCase());
}
