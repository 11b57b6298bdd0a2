/** Where a container is and what it is called: the manager lists `/name` and `/node/name`; an engine alone only the former. */
export function placeOf(names: readonly string[]): { readonly node: string; readonly name: string } {
  for (const listed of names) {
    const [, node, name] = /^\/([^/]+)\/(.+)$/.exec(listed) ?? [];
    if (node !== undefined && name !== undefined) return { node, name };
  }
  return { node: '', name: (names[0] ?? '').replace(/^\//, '') };
}
