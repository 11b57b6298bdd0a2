import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultGeneration } from '../namespaces/generations.ts';
import type { NodeOptions } from './types.ts';

/** The engine ID that nodes with `engineId: 'shared'` have in common, as clones of one machine image do. */
export interface SharedIdentity {
  /** Puts the ID in place before the engine's first start; does nothing for nodes with an ID of their own. */
  prepare(nodeDirectory: string, options: NodeOptions): Promise<void>;
}

/** Makes an ID. Docker 20.10 derives it from /etc/docker/key.json, later engines keep it in DATA-ROOT/engine-id. */
export function prepareIdentity(): SharedIdentity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = JSON.stringify(privateKey.export({ format: 'jwk' }));
  const id = fingerprint(publicKey.export({ type: 'spki', format: 'der' }));
  return {
    async prepare(nodeDirectory, options) {
      if (options.engineId !== 'shared') return;
      const [config, data] = [join(nodeDirectory, 'etc-docker'), join(nodeDirectory, 'data')];
      await Promise.all([mkdir(config, { recursive: true }), mkdir(data, { recursive: true })]);
      await writeFile(join(config, 'key.json'), key, { mode: 0o600 });
      if ((options.generation ?? defaultGeneration) !== '20.10') await writeFile(join(data, 'engine-id'), id);
    },
  };
}

/** libtrust's key ID: the first 240 bits of the key's SHA-256 in base 32, in groups of four. */
function fingerprint(publicKey: Buffer): string {
  const bits = [...createHash('sha256').update(publicKey).digest().subarray(0, 30)].map((byte) =>
    byte.toString(2).padStart(8, '0'),
  );
  const digits = bits.join('').match(/.{5}/g) ?? [];
  const letters = digits.map((digit) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(digit, 2)]).join('');
  return (letters.match(/.{4}/g) ?? []).join(':');
}
