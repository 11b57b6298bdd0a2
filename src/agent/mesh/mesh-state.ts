import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../../common/errors.ts';
import { writePrivate } from '../../common/private-file.ts';
import { KEY, type MeshOrder } from '../../mesh/protocol.ts';
import { readQuestion } from '../../mesh/read.ts';
import { MeshError } from './wireguard.ts';

/** What a node keeps of the mesh: its key, which never leaves it, and what it was last told, for a start without a manager. */
export interface MeshState {
  readonly privateKey: string;
  /** Of the interface; no two hosts have the same, since programs of several namespaces share a folder of names. */
  readonly name: string;
  readonly port?: number | undefined;
  readonly order?: MeshOrder | undefined;
}

const NAME = /^enxame-[0-9a-f]{8}$/;

/** Whether a network interface is that of a mesh. */
export function isMeshInterface(name: string): boolean {
  return NAME.test(name);
}

/** What is kept in the folder, or a key made now. Rejects when the file is not readable or not ours: a key is never overwritten. */
export async function loadState(folder: string): Promise<MeshState> {
  const path = fileIn(folder);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new MeshError(`the mesh's key cannot be read: ${reasonOf(error)}`, error);
    const state = { privateKey: newKey(), name: `enxame-${randomBytes(4).toString('hex')}` };
    await saveState(folder, state);
    return state;
  }
  try {
    const { privateKey, name, port, order } = JSON.parse(text) as Partial<MeshState>;
    if (!privateKey || !KEY.test(privateKey) || !name || !NAME.test(name)) throw new Error('it holds no key');
    return { privateKey, name, port, order: order && readQuestion({ order }).order };
  } catch (error) {
    throw new MeshError(`${path} cannot be used: ${reasonOf(error)}; remove it, and the node gets a new key`, error);
  }
}

export async function saveState(folder: string, state: MeshState): Promise<void> {
  await writePrivate(fileIn(folder), `${JSON.stringify(state)}\n`);
}

function fileIn(folder: string): string {
  return join(folder, 'node.json');
}

function newKey(): string {
  const { d = '' } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
  const bytes = Buffer.from(d, 'base64url');
  // Curve25519 leaves these bits out of account (RFC 7748 §5); `wg` writes keys with them set so.
  bytes[0] = (bytes[0] ?? 0) & 248;
  bytes[31] = ((bytes[31] ?? 0) & 127) | 64;
  return bytes.toString('base64');
}

/** DER of an X25519 private key before its 32 bytes (RFC 8410 §7). */
const PRIVATE_DER = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** The public key of a private one, both as WireGuard writes them. */
export function publicKeyOf(privateKey: string): string {
  const key = Buffer.concat([PRIVATE_DER, Buffer.from(privateKey, 'base64')]);
  const { x = '' } = createPublicKey({ key: toPem(key), format: 'pem' }).export({ format: 'jwk' });
  return Buffer.from(x, 'base64url').toString('base64');
}

function toPem(der: Buffer): string {
  return `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
}
