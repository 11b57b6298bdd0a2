import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../common/errors.ts';
import { isPair } from '../../pki/certificate.ts';
import { type ClientCertificates, type Driver, type DriverModule, defineDriver } from '../driver.ts';
import { DriverError } from '../errors.ts';

/** An engine that is there already, reached by its URL; nothing is made, changed or removed. */
export const driver: DriverModule = defineDriver({
  name: 'none',
  summary: 'an engine that runs already, by its URL',
  options: [
    {
      flag: 'url',
      type: 'string',
      help: "the engine's URL, as in tcp://10.0.0.5:2376",
      isRequired: true,
      problem: (value) => (isEngineUrl(String(value)) ? undefined : 'is not a URL like tcp://10.0.0.5:2376'),
    },
    {
      flag: 'cert-path',
      type: 'string',
      help: 'folder with the ca.pem, cert.pem and key.pem for that engine, which are copied',
      isTransient: true,
    },
  ],
  needs: async () => [],
  open: ({ name, options }): Driver => {
    const cannot = (what: string): Promise<never> =>
      Promise.reject(
        new DriverError(`hosts without a driver cannot be ${what}: ${name} is only known by its URL`, 'NO_DRIVER'),
      );
    return {
      provisioning: 'none',
      check: async () => void (options['cert-path'] && (await readFolder(options['cert-path']))),
      create: async () => undefined,
      state: async () => '',
      start: () => cannot('started'),
      stop: () => cannot('stopped'),
      restart: () => cannot('restarted'),
      kill: () => cannot('killed'),
      remove: async () => undefined,
      ip: async () => hostOf(options.url),
      url: async () => options.url,
      shell: async () => undefined,
      labels: async () => ({}),
      clientCertificates: async () => (options['cert-path'] ? await readFolder(options['cert-path']) : undefined),
      close: async () => undefined,
    };
  },
});

function isEngineUrl(text: string): boolean {
  if (/^unix:\/\/\/./.test(text)) return true;
  return /^(tcp|https?|ssh):\/\/./.test(text) && URL.canParse(text) && new URL(text).hostname !== '';
}

function hostOf(url: string): string {
  if (url.startsWith('unix:')) throw new UsageError(`${url} has no IP address: it is a socket on this host`);
  return new URL(url).hostname.replace(/^\[(.*)\]$/, '$1');
}

async function readFolder(folder: string): Promise<ClientCertificates> {
  const read = (name: string): Promise<string> =>
    readFile(join(folder, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new UsageError(
        `cannot read ${join(folder, name)} (${error.code}): --cert-path is a folder like DOCKER_CERT_PATH`,
      );
    });
  const [ca, cert, key] = await Promise.all([read('ca.pem'), read('cert.pem'), read('key.pem')]);
  if (!isPair({ cert, key })) throw new UsageError(`${folder}: key.pem is not the key of cert.pem`);
  return { ca, cert, key };
}
