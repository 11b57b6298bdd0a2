import { describe, expect, it } from 'vitest';
import { nodeName, textOf } from '../node-name.ts';
import { FrameReader, JuteReader, JuteWriter } from './jute.ts';
import { multiRequest, readMulti, requestFrame, ZkError } from './zk-messages.ts';

describe('ZooKeeper’s serialisation', () => {
  it('is read as it was written', () => {
    const bytes = new JuteWriter()
      .int(-101)
      .long(2n ** 40n)
      .bool(true)
      .text('é/x')
      .buffer(Buffer.from([1, 2]))
      .bytes();
    const reader = new JuteReader(bytes);
    expect([reader.int(), reader.long(), reader.bool(), reader.text()]).toEqual([-101, 2n ** 40n, true, 'é/x']);
    expect([...reader.buffer()]).toEqual([1, 2]);
    expect(reader.left).toBe(0);
    expect(() => reader.int()).toThrow(RangeError);
    expect(() => new JuteReader(new JuteWriter().int(100).bytes()).text()).toThrow('the message ends too early');
  });

  it('cuts frames wherever they are torn, and refuses one that is too long', () => {
    const stream = Buffer.concat([new JuteWriter().text('one').frame(), new JuteWriter().text('two').frame()]);
    for (let size = 1; size <= stream.length; size++) {
      const frames = new FrameReader(100);
      const found: string[] = [];
      for (let at = 0; at < stream.length; at += size)
        for (const frame of frames.add(stream.subarray(at, at + size))) found.push(new JuteReader(frame).text());
      expect(found).toEqual(['one', 'two']);
    }
    expect(() => new FrameReader(100).add(Buffer.from([0, 0, 1, 0]))).toThrow('a message of 256 bytes');
    expect(() => new FrameReader(100).add(Buffer.from('HTTP/1.1 400'))).toThrow(RangeError);
  });

  it('has the length of a request before it', () => {
    const frame = requestFrame(7, multiRequest([{ check: '/a', version: 3 }], false));
    expect(frame.readInt32BE(0)).toBe(frame.length - 4);
    expect([frame.readInt32BE(4), frame.readInt32BE(8)]).toEqual([7, 14]);
  });

  it('tells which operation of a transaction failed', () => {
    const failure =
      (code: number) =>
      (writer: JuteWriter): JuteWriter =>
        writer.int(-1).bool(false).int(code).int(code);
    const writer = new JuteWriter();
    for (const write of [failure(0), failure(-103), failure(-2)]) write(writer);
    const reader = new JuteReader(writer.int(-1).bool(true).int(-1).bytes());
    const read = (): unknown => readMulti(reader, [{ check: '/a', version: 1 }]);
    expect(read).toThrow(ZkError);
  });

  it.each(['a', 'a/b', '.', '..', 'é%', 'ssh://root@h'])('names a node by "%s" and back', (text) => {
    expect(nodeName(text)).not.toMatch(/^\.{0,2}$|\//);
    expect(textOf(nodeName(text))).toBe(text);
  });
});
