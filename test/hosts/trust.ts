import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../../src/common/command.ts';
import { type Authority, createAuthority, loadAuthority } from '../../src/pki/authority.ts';
import type { ServerCertificates } from '../../src/provision/provisioner.ts';

/** An authority, a client of it, and docker as that client. */
export class EngineTrust {
  readonly ca: string;
  /** A folder like DOCKER_CERT_PATH. */
  readonly folder: string;
  readonly #authority: Authority;

  private constructor(authority: Authority, folder: string, ca: string) {
    this.#authority = authority;
    this.folder = folder;
    this.ca = ca;
  }

  /** Makes both; `trusted` is the authority the client believes when that is another one. */
  static async create(folder: string, trusted?: string): Promise<EngineTrust> {
    const authority = await loadAuthority(await createAuthority('test hosts', Date.now()));
    const client = await authority.issue({ commonName: 'tester', purposes: ['client'] });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const files = { 'ca.pem': trusted ?? authority.cert, 'cert.pem': client.cert, 'key.pem': client.key };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
    return new EngineTrust(authority, folder, authority.cert);
  }

  /** What an engine at those addresses serves. */
  async server(hosts: readonly string[]): Promise<ServerCertificates> {
    return { ca: this.ca, ...(await this.#authority.issue({ commonName: 'engine', purposes: ['server'], hosts })) };
  }

  /** Runs docker against the engine at that address. Answers what it printed, trimmed; throws when it fails. */
  async docker(address: string, args: readonly string[], port: number = 2376): Promise<string> {
    const env = { DOCKER_HOST: `tcp://${address}:${port}`, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: this.folder };
    return (await must('docker', args, { env })).trim();
  }
}
