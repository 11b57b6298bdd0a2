/** A stand-in for the identifier of what a dry run would have made. */
export function planned(what: string): string {
  return `<${what}>`;
}

/** Whether an identifier is only planned: nothing at the provider answers to it. */
export function isPlanned(id: string): boolean {
  return id.startsWith('<');
}
