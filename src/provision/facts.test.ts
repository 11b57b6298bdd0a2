import { describe, expect, it } from 'vitest';
import { DriverError } from '../common/errors.ts';
import { parseOsRelease } from './facts.ts';
import { familyOf } from './os/families.ts';

const SYSTEMS = [
  { text: 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"', family: 'Debian or Ubuntu' },
  { text: "ID=ubuntu\nID_LIKE=debian\nVERSION_ID='24.04'", family: 'Debian or Ubuntu' },
  { text: 'ID=linuxmint\nID_LIKE="ubuntu debian"', family: 'Debian or Ubuntu' },
  { text: 'ID=fedora\nVERSION_ID=43', family: 'Fedora or the RHEL family' },
  { text: 'ID="rocky"\nID_LIKE="rhel centos fedora"', family: 'Fedora or the RHEL family' },
  { text: 'ID="amzn"\nID_LIKE="fedora"\nVERSION_ID="2023"', family: 'Fedora or the RHEL family' },
  { text: 'ID="ol"\nID_LIKE="fedora"', family: 'Fedora or the RHEL family' },
  { text: 'ID=alpine\nVERSION_ID=3.22.0', family: 'Alpine' },
  { text: 'ID="opensuse-leap"\nID_LIKE="suse opensuse"', family: 'SUSE' },
  { text: 'ID="sles"\nID_LIKE="suse"', family: 'SUSE' },
  { text: 'ID=newcomer\nID_LIKE="opensuse suse"', family: 'SUSE' },
];

describe('the family of a system', () => {
  it.each(SYSTEMS)('is $family for $text', ({ text, family }) => {
    expect(familyOf(parseOsRelease(text), 'host').title).toBe(family);
  });

  it('is unknown', () => {
    const os = parseOsRelease('ID=nixos\nPRETTY_NAME="NixOS 26.05"');
    expect(() => familyOf(os, 'root@h')).toThrow(DriverError);
    expect(() => familyOf(os, 'root@h')).toThrow(/^root@h runs NixOS 26\.05; an engine can be installed on Debian/);
    expect(() => familyOf(parseOsRelease(''), 'h')).toThrow(/runs a system without \/etc\/os-release/);
  });
});

describe('parseOsRelease', () => {
  it('reads quotes, escapes and comments', () => {
    const text = '# NAME=no\nNAME="x"\nPRETTY_NAME="A \\"quoted\\" \\$name"\nID=\'a\'\n\nVERSION_ID=1 \n';
    expect(parseOsRelease(text)).toEqual({ id: 'a', like: [], version: '1', title: 'A "quoted" $name' });
  });
});
