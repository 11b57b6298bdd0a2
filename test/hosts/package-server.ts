import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import { must } from '../../src/common/command.ts';

/** A Debian repository of a folder of packages, for hosts that reach nothing but this machine. */
export interface PackageServer {
  /** Line for sources.list. */
  readonly source: string;
  close(): Promise<void>;
}

/** Serves the folder on `address`, on a free port. */
export async function servePackages(folder: string, address: string): Promise<PackageServer> {
  const names = (await readdir(folder)).sort();
  const index = await indexOf(folder, names);
  const server = createServer((request, response) => {
    const name = basename(request.url ?? '');
    if (name === 'Packages') return void response.end(index);
    const found = names[Number(name.replace(/\.deb$/, ''))];
    if (found === undefined) return void response.writeHead(404).end();
    const file = createReadStream(join(folder, found));
    file.on('error', () => response.destroy());
    file.pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as { readonly port: number };
  return {
    source: `deb [trusted=yes] http://${address}:${port}/ ./`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * The file `Packages` of a repository: control fields, place, size and hash of each package. Places are numbers, because versions
 * are full of characters that mean something in an address.
 */
async function indexOf(folder: string, names: readonly string[]): Promise<string> {
  const stanzas: string[] = [];
  for (const [number, name] of names.entries()) {
    const path = join(folder, name);
    const control = await must('dpkg-deb', ['--field', path]);
    const hash = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    const { size } = await stat(path);
    stanzas.push(`${control.trim()}\nFilename: ./${number}.deb\nSize: ${size}\nSHA256: ${hash}\n`);
  }
  return stanzas.join('\n');
}
