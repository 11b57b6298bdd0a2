import { describe, expect, test } from 'vitest';
import { fromDeb822, fromLines } from './apt-sources.ts';

const keyring = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ';
const archive = 'http://mirror.example/debian';

describe('fromDeb822', () => {
  test.each([
    {
      name: 'a plain file, the security archive left out',
      text: `Types: deb\n# a dated mirror\nURIs: ${archive}\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /k.gpg\n\nTypes: deb\nURIs: ${archive}-security\nSuites: bookworm-security\n`,
      expected: { uri: archive, options: '[signed-by=/k.gpg] ' },
    },
    {
      name: 'a dated snapshot',
      text: `Types: deb deb-src\nURIs: ${archive}/20250520T000000Z\nSuites: trixie\n`,
      expected: { uri: `${archive}/20250520T000000Z`, options: keyring },
    },
    {
      name: 'security first, then a stanza after blank lines with blanks',
      text: `Types: deb\nURIs: ${archive}-security\nSuites: bookworm-security\n \t\nTypes: deb\nURIs: ${archive}\nSuites: bookworm\n`,
      expected: { uri: archive, options: keyring },
    },
    {
      name: 'a disabled stanza',
      text: `Enabled: no\nTypes: deb\nURIs: ${archive}\nSuites: bookworm\n`,
      expected: undefined,
    },
    { name: 'sources only', text: `Types: deb-src\nURIs: ${archive}\nSuites: bookworm\n`, expected: undefined },
    {
      name: "another vendor's archive",
      text: 'Types: deb\nURIs: https://vendor.example/debian\nSuites: nodistro\n',
      expected: undefined,
    },
  ])('$name', ({ text, expected }) => {
    expect(fromDeb822(text)).toEqual(expected);
  });
});

describe('fromLines', () => {
  test.each([
    { name: 'a plain line', text: `deb ${archive} bookworm main\n`, expected: { uri: archive, options: keyring } },
    {
      name: 'options and comments',
      text: `# deb ${archive}-old bookworm main\ndeb [arch=amd64 signed-by=/k.gpg] ${archive} trixie main contrib\n`,
      expected: { uri: archive, options: '[signed-by=/k.gpg] ' },
    },
    { name: 'updates and security only', text: `deb ${archive} bookworm-updates main\n`, expected: undefined },
    { name: 'sources only', text: `deb-src ${archive} bookworm main\n`, expected: undefined },
    { name: 'another vendor', text: 'deb https://vendor.example/apt cloud-sdk-bookworm main\n', expected: undefined },
  ])('$name', ({ text, expected }) => {
    expect(fromLines(text)).toEqual(expected);
  });
});
