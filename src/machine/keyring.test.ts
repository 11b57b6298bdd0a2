import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemKeyring } from './keyring.ts';

/** Stand-ins that keep what they are given in files and write down their arguments, which others could read. */
const SECRET_TOOL = `#!/bin/sh
echo "$@" >>"$0.args"
for id; do :; done
case $1 in
store) cat >"$0.$id" ;;
lookup) cat "$0.$id" ;;
clear) rm "$0.$id" ;;
esac
`;
const SECURITY = `#!/bin/sh
echo "$@" >>"$0.args"
case $1 in
-i) read -r line; value=\${line##*-w \\"}; echo "\${value%\\"}" >"$0.kept" ;;
find-generic-password) cat "$0.kept" ;;
delete-generic-password) rm "$0.kept" ;;
esac
`;

let folder = '';
let env: Record<string, string>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'));
  env = { PATH: `${folder}:${process.env.PATH}`, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/x' };
  for (const [name, text] of Object.entries({ 'secret-tool': SECRET_TOOL, security: SECURITY })) {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o700);
  }
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const SECRETS = { token: 'geheim "x" $y', list: ['a', 'b'] };

describe.each([
  { platform: 'linux', tool: 'secret-tool' },
  { platform: 'darwin', tool: 'security' },
] as const)('systemKeyring on $platform', ({ platform, tool }) => {
  it('keeps secrets and shows none in arguments', async () => {
    const keyring = systemKeyring(platform, env);
    await keyring?.set('abc', SECRETS);
    expect(await keyring?.get('abc')).toEqual(SECRETS);
    const args = await readFile(join(folder, `${tool}.args`), 'utf8');
    expect(args).not.toContain(Buffer.from(JSON.stringify(SECRETS)).toString('base64'));
    expect(args).not.toContain('geheim');
    await keyring?.remove('abc');
    await keyring?.remove('abc');
    await expect(keyring?.get('abc')).rejects.toThrow();
  });

  it('says so when it is not there', async () => {
    await rm(join(folder, tool));
    await expect(systemKeyring(platform, env)?.set('abc', SECRETS)).rejects.toThrow(tool);
  });
});

describe('systemKeyring', () => {
  it('is none where nobody is logged in', () => {
    expect(systemKeyring('linux', {})).toBeUndefined();
    expect(systemKeyring('win32', env)).toBeUndefined();
  });
});
