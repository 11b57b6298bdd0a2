import { describe, expect, test } from 'vitest';
import { endOfHead, framingOf, MessageHead, NO_BODY } from './head.ts';

describe('endOfHead', () => {
  test.each([
    ['GET / HTTP/1.1\r\n\r\nrest', 18],
    ['GET / HTTP/1.1\r\nA: b\r\n', -1],
    ['', -1],
  ])('%j ends at %i', (text, end) => {
    expect(endOfHead(Buffer.from(text))).toBe(end);
  });
});

describe('MessageHead', () => {
  const head = new MessageHead('GET /a?b HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nCONTENT-Type:  text/plain \r\n');

  test.each([
    ['host', 'x'],
    ['content-type', 'text/plain'],
    ['x-empty', ''],
    ['type', undefined],
  ])('field %s is %j', (name, value) => {
    expect(head.field(name)).toBe(value);
  });

  test('knows its start line and all fields', () => {
    expect(head.startLine).toBe('GET /a?b HTTP/1.1');
    expect(head.fields()).toEqual({ host: 'x', 'x-empty': '', 'content-type': 'text/plain' });
  });
});

describe('framingOf', () => {
  test.each([
    ['Content-Length: 5', { kind: 'length', length: 5 }],
    ['Content-Length: 0', { kind: 'none' }],
    ['Transfer-Encoding: gzip, chunked', { kind: 'chunked' }],
    ['Transfer-Encoding: chunked\r\nContent-Length: 5', { kind: 'chunked' }],
    ['Host: x', { kind: 'none' }],
  ])('%s', (fields, framing) => {
    expect(framingOf(new MessageHead(`POST / HTTP/1.1\r\n${fields}\r\n`), NO_BODY)).toEqual(framing);
  });
});
