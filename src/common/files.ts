import { stat } from 'node:fs/promises';

/** Whether there is something at `path` that can be looked at; links are followed. */
export async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

/** Whether there is a regular file at `path`; links are followed. */
export async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
