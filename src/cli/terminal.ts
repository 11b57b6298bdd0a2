/** A terminal that a program has for itself: what is written is not changed, keys come as they are pressed. */
export interface Terminal {
  /** Columns and rows at present. */
  size(): { readonly columns: number; readonly rows: number };
  /** Writes as it is, control characters included. */
  write(text: string): void;
  /** Calls `onKeys` with what is typed, and `onResize` when the size changes, until the returned function is called. */
  take(onKeys: (text: string) => void, onResize: () => void): () => void;
}

/** The process' terminal; undefined when input or output is none. */
export function processTerminal({ stdin, stdout }: NodeJS.Process): Terminal | undefined {
  if (!stdin.isTTY || !stdout.isTTY) return undefined;
  return {
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    write: (text) => void stdout.write(text),
    take: (onKeys, onResize) => {
      const onData = (bytes: Buffer): void => onKeys(bytes.toString());
      stdin.setRawMode(true);
      stdin.on('data', onData);
      stdin.resume();
      stdout.on('resize', onResize);
      return () => {
        stdin.off('data', onData);
        stdout.off('resize', onResize);
        stdin.setRawMode(false);
        stdin.pause();
      };
    },
  };
}
