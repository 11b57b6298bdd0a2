import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { driverNames, loadDriver } from './drivers.ts';
import { libraryNeed, type Need } from './needs.ts';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'needs-'));
});
afterEach(() => rm(home, { recursive: true }));

async function put(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(home, file)), { recursive: true });
  await writeFile(join(home, file), text);
}

/** What a driver needs with nothing but this environment and an own home. */
async function needs(name: string, env: Readonly<Record<string, string>> = {}): Promise<readonly Need[]> {
  const { needs: ask } = await loadDriver(name);
  return (await ask?.({ HOME: home, PATH: join(home, 'bin'), ...env })) ?? [];
}

async function need(name: string, what: string, env?: Readonly<Record<string, string>>): Promise<string> {
  const found = (await needs(name, env)).find((each) => each.what === what);
  return `${found?.isMet ? 'yes' : 'no'}: ${found?.text}`;
}

const SECRET = 'tr0ub4dor';

const ENVIRONMENT: readonly (readonly [string, Record<string, string>, string])[] = [
  ['amazonec2', { AWS_ACCESS_KEY_ID: SECRET, AWS_SECRET_ACCESS_KEY: SECRET }, 'AWS_ACCESS_KEY_ID'],
  ['amazonec2', { AWS_CONTAINER_CREDENTIALS_FULL_URI: SECRET }, 'AWS_CONTAINER_CREDENTIALS_FULL_URI'],
  ['azure', { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c', AZURE_CLIENT_SECRET: SECRET }, 'AZURE_CLIENT_SECRET'],
  ['digitalocean', { DIGITALOCEAN_ACCESS_TOKEN: SECRET }, 'DIGITALOCEAN_ACCESS_TOKEN'],
  ['generic', { SSH_AUTH_SOCK: '/run/agent' }, 'SSH_AUTH_SOCK'],
  ['hetzner', { HCLOUD_TOKEN: SECRET }, 'HCLOUD_TOKEN'],
  ['linode', { LINODE_CLI_TOKEN: SECRET }, 'LINODE_CLI_TOKEN'],
  [
    'openstack',
    { OS_AUTH_URL: 'https://keystone', OS_USERNAME: 'bee', OS_PASSWORD: SECRET, OS_PROJECT_NAME: 'hive' },
    'OS_AUTH_URL',
  ],
  ['scaleway', { SCW_SECRET_KEY: SECRET }, 'SCW_SECRET_KEY'],
  ['vultr', { VULTR_API_KEY: SECRET }, 'VULTR_API_KEY'],
];

const FILES: readonly (readonly [string, string, string, string])[] = [
  ['amazonec2', '.aws/credentials', `[default]\naws_access_key_id = ${SECRET}\n`, 'profile default'],
  ['amazonec2', '.aws/config', '[default]\nregion = x\nsso_session = me\n', 'profile default'],
  ['azure', '.azd/auth.json', '{}', "azd's"],
  ['digitalocean', '.config/doctl/config.yaml', `access-token: ${SECRET}\n`, "doctl's"],
  ['generic', '.ssh/id_rsa', SECRET, '~/.ssh/id_rsa'],
  ['generic', '.ssh/config', 'Host *\n  IdentityFile ~/bees\n', '~/.ssh/config'],
  ['google', '.config/gcloud/application_default_credentials.json', '{}', "gcloud's"],
  [
    'hetzner',
    '.config/hcloud/cli.toml',
    `active_context = "a"\n[[contexts]]\nname = "a"\ntoken = "${SECRET}"\n`,
    "hcloud's",
  ],
  ['linode', '.config/linode-cli', `[DEFAULT]\ndefault-user = me\n[me]\ntoken = ${SECRET}\n`, "linode-cli's"],
  [
    'openstack',
    '.config/openstack/clouds.yaml',
    `clouds:\n  a:\n    auth: { auth_url: "https://k", username: b, password: ${SECRET}, project_name: h }\n`,
    'clouds.yaml',
  ],
  ['scaleway', '.config/scw/config.yaml', `secret_key: ${SECRET}\n`, "scw's"],
  ['vultr', '.vultr-cli.yaml', `api-key: ${SECRET}\n`, "vultr-cli's"],
];

const ADVICE: readonly (readonly [string, RegExp])[] = [
  ['amazonec2', /^no: set AWS_ACCESS_KEY_ID or run aws configure/],
  ['azure', /^no: .*az login/],
  ['digitalocean', /^no: set DIGITALOCEAN_ACCESS_TOKEN or run doctl auth init/],
  ['generic', /^no: .*--generic-ssh-key/],
  ['google', /^no: run gcloud auth application-default login/],
  ['hetzner', /^no: set HCLOUD_TOKEN or run hcloud context create/],
  ['linode', /^no: set LINODE_TOKEN or run linode-cli configure/],
  ['openstack', /^no: set OS_CLOUD/],
  ['scaleway', /^no: set SCW_SECRET_KEY or run scw init/],
  ['vultr', /^no: set VULTR_API_KEY/],
];

describe('credentials', () => {
  it.each(ENVIRONMENT)('of %s are found in the environment', async (name, env, text) => {
    expect(await need(name, 'credentials', env)).toBe(`yes: ${text}`);
  });

  it.each(FILES)('of %s are found in %s', async (name, file, content, text) => {
    await put(file, content);
    expect(await need(name, 'credentials')).toBe(`yes: ${text}`);
  });

  it.each(ADVICE)('of %s come with advice where they are missing', async (name, text) => {
    expect(await need(name, 'credentials')).toMatch(text);
  });

  it('say which half is missing', async () => {
    expect(await need('amazonec2', 'credentials', { AWS_ACCESS_KEY_ID: 'x' })).toBe(
      'no: AWS_SECRET_ACCESS_KEY is missing',
    );
    expect(await need('openstack', 'credentials', { OS_AUTH_URL: 'https://k' })).toMatch(/^no: .*set OS_PASSWORD/);
    const env = { GOOGLE_APPLICATION_CREDENTIALS: join(home, 'none.json') };
    expect(await need('google', 'credentials', env)).toMatch(/^no: the file .* cannot be read/);
    expect(await need('azure', 'subscription')).toBe('no: set AZURE_SUBSCRIPTION_ID');
    expect(await need('scaleway', 'project')).toMatch(/^no: set SCW_DEFAULT_PROJECT_ID/);
  });

  it('of az count while someone is signed in and az is here', async () => {
    await put('.azure/azureProfile.json', '\uFEFF{"subscriptions": []}');
    await put('bin/az', '');
    await chmod(join(home, 'bin/az'), 0o755);
    expect(await need('azure', 'credentials')).toMatch(/^no/);
    await put('.azure/azureProfile.json', '\uFEFF{"subscriptions": [{"id": "1"}]}');
    expect(await need('azure', 'credentials')).toBe("yes: az's");
    await rm(join(home, 'bin/az'));
    expect(await need('azure', 'credentials')).toMatch(/^no/);
  });

  it('are never shown, whatever the files look like', async () => {
    for (const [, file, content] of FILES) await put(file, content);
    const env = Object.assign({}, ...ENVIRONMENT.map(([, variables]) => variables)) as Record<string, string>;
    const told = await Promise.all(driverNames().flatMap((name) => [needs(name), needs(name, env)]));
    expect(JSON.stringify(told)).not.toContain(SECRET);
    const broken = `secret_key: "x" ${SECRET}\n  - : [${SECRET}\n`;
    await put('.config/scw/config.yaml', broken);
    await put('.config/openstack/clouds.yaml', broken);
    for (const name of ['scaleway', 'openstack']) {
      const text = JSON.stringify(await needs(name));
      expect(text).toContain('cannot be read');
      expect(text).not.toContain(SECRET);
    }
  });
});

describe('programs', () => {
  it('are found in the path, or where a variable says', async () => {
    expect(await need('virtualbox', 'program')).toMatch(/^no: VBoxManage \(install VirtualBox/);
    expect(await need('qemu', 'program')).toMatch(/^no: qemu-system-\w+ \(apt-get install/);
    await put('bin/VBoxManage', '');
    expect(await need('virtualbox', 'program')).toMatch(/^no/);
    await chmod(join(home, 'bin/VBoxManage'), 0o755);
    expect(await need('virtualbox', 'program')).toBe(`yes: ${join(home, 'bin/VBoxManage')}`);
    expect(await need('virtualbox', 'program', { VIRTUALBOX_PROGRAM: '/nowhere/vbox' })).toMatch(/^no/);
  });
});

describe('libraryNeed', () => {
  it('finds packages and names those that are missing', async () => {
    expect(libraryNeed(['vitest', 'yaml'])).toEqual({ what: 'library', isMet: true, text: 'installed' });
    expect(libraryNeed(['yaml', 'no-such-package-here'])).toEqual({
      what: 'library',
      isMet: false,
      text: 'npm install no-such-package-here',
    });
    for (const name of ['amazonec2', 'azure', 'google']) expect(await need(name, 'library')).toBe('yes: installed');
  });
});
