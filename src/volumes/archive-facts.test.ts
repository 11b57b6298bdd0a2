import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ArchiveFacts, ArchiveReader } from './archive-facts.ts';

const MAKE = `
  mkdir -p d/e "$(printf 'l%.0s' $(seq 120))/$(printf 'm%.0s' $(seq 120))"
  printf hello > d/f; chmod 4755 d/f; ln d/f d/h; ln -s ../d/f d/e/l; mkfifo p
  head -c 70000 /dev/zero > zeros; touch 'é ü' "$(printf 'x\\377')"; touch -d '2020-01-02 03:04:05.6' old`;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'enxame-archive-'));
  execFileSync('sh', ['-ec', MAKE], { cwd: folder });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An archive of the folder after some commands there. */
function archive(commands: string = 'true', ...options: string[]): Buffer {
  execFileSync('sh', ['-ec', commands], { cwd: folder });
  return execFileSync('tar', ['--sort=name', '--numeric-owner', '--format=pax', ...options, '-cf', '-', '.'], {
    cwd: folder,
    maxBuffer: 2 ** 24,
  });
}

function factsOf(bytes: Buffer, pieceBytes: number = bytes.length): ArchiveFacts {
  const reader = new ArchiveReader();
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.feed(bytes.subarray(at, at + pieceBytes));
  return reader.end();
}

describe('an archive', () => {
  test('is counted, however it comes in pieces', () => {
    const bytes = archive();
    const whole = factsOf(bytes);
    expect(whole).toMatchObject({ entries: 13, bytes: 70_005 });
    for (const size of [1, 511, 512, 513, 65_536]) expect(factsOf(bytes, size)).toEqual(whole);
  });

  test('is the same in another format', () => {
    expect(factsOf(archive('true', '--format=gnu'))).toEqual(factsOf(archive()));
  });

  test.each([
    ['a mode', 'chmod 755 d/f'],
    ['a time', "touch -d '2021-01-02' old"],
    ['content of the same length', 'printf world > d/f'],
    ['a name', 'mv p q'],
    ['a name that is no UTF-8', 'mv "$(printf \'x\\377\')" "$(printf \'x\\376\')"'],
    ['a target', 'ln -sfn /elsewhere d/e/l'],
    ['a hard link that is a file of its own', 'cp d/f d/n && mv d/n d/h'],
  ])('is another one with another %s', (_case, commands) => {
    const before = factsOf(archive());
    expect(factsOf(archive(commands)).digest).not.toBe(before.digest);
  });

  test('is another one with another owner', () => {
    expect(factsOf(archive('true', '--owner=999')).digest).not.toBe(factsOf(archive()).digest);
  });

  test('is the same when an engine made it of 1970, not of before', () => {
    const before = factsOf(archive("touch -d '1965-01-01' old"));
    expect(factsOf(archive("touch -d '1970-01-01 00:00:00 UTC' old"))).toEqual(before);
  });

  test('that is cut short is refused, wherever', () => {
    const bytes = archive();
    for (const length of [0, 100, 512, 5_000, bytes.indexOf(Buffer.alloc(1_024), bytes.length - 10_240)])
      expect(() => factsOf(bytes.subarray(0, length))).toThrow('ends before its time');
  });

  test('that is none is refused', () => {
    expect(() => factsOf(Buffer.alloc(2_048, 'x'))).toThrow('is damaged');
    const bytes = Buffer.from(archive());
    bytes[3] = 0x7f;
    expect(() => factsOf(bytes)).toThrow('is damaged: a header has another checksum');
  });
});
