import { must, run } from '../../src/common/command.ts';
import type { LabNode } from '../../src/lab/lab.ts';

const PORT = 5_301;
const ROUNDS = 30;

/** What was measured of a TCP connection between two nodes. */
export interface Transfer {
  readonly mbitPerS: number;
  /** The median of one byte there and one back, in milliseconds. */
  readonly roundTripMs: number;
}

/** Answers bytes one for one until the first longer piece, counts from then on, and tells how many came at the end. */
const SERVER = `require('node:net').createServer({ allowHalfOpen: true }, (socket) => {
  let count = 0;
  socket.setNoDelay(true);
  socket.on('data', (data) => {
    if (count === 0 && data.length === 1) return socket.write(data);
    count += data.length;
  });
  socket.on('end', () => socket.end(String(count), () => process.exit(0)));
}).listen(Number(process.argv[1]), process.argv[2]);`;

/** Tries until somebody listens; prints the milliseconds of each round trip, of the transfer, and what the other end counted. */
const CLIENT = `const [port, host, bytes, rounds] = process.argv.slice(1);
const net = require('node:net');
const once = require('node:events').once;
const open = () => new Promise((resolve, reject) => {
  const socket = net.connect(Number(port), host, () => resolve(socket));
  socket.once('error', reject);
});
(async () => {
  let socket;
  while (!socket) socket = await open().catch(() => new Promise((resolve) => setTimeout(resolve, 100)));
  socket.setNoDelay(true);
  const trips = [];
  for (let i = 0; i < Number(rounds); i += 1) {
    const begin = performance.now();
    socket.write('x');
    await once(socket, 'data');
    trips.push(performance.now() - begin);
  }
  const begin = performance.now();
  const piece = Buffer.alloc(65536);
  for (let sent = 0; sent < Number(bytes); sent += piece.length) if (!socket.write(piece)) await once(socket, 'drain');
  socket.end();
  const [counted] = await once(socket, 'data');
  console.log(JSON.stringify({ trips, ms: performance.now() - begin, counted: Number(counted) }));
})();`;

/** Sends so much from one node to an address of another one. Rejects when not all of it arrives. */
export async function transfer(from: LabNode, to: LabNode, address: string, mebibytes: number): Promise<Transfer> {
  const bytes = mebibytes * 2 ** 20;
  const stop = new AbortController();
  const server = run('nsenter', [...inside(to), process.execPath, '-e', SERVER, String(PORT), address], {
    signal: stop.signal,
    timeoutMs: 600_000,
  }).catch(() => undefined);
  try {
    const args = [process.execPath, '-e', CLIENT, String(PORT), address, String(bytes), String(ROUNDS)];
    const said = await must('nsenter', [...inside(from), ...args], { timeoutMs: 600_000 });
    const { trips, ms, counted } = JSON.parse(said) as { trips: number[]; ms: number; counted: number };
    if (counted !== bytes) throw new Error(`${counted} of ${bytes} bytes arrived`);
    const median = [...trips].sort((a, b) => a - b)[trips.length >> 1] ?? 0;
    return { mbitPerS: Math.round((bytes * 8) / 1e3 / ms), roundTripMs: Math.round(median * 100) / 100 };
  } finally {
    stop.abort();
    await server;
  }
}

function inside({ enginePid }: LabNode): readonly string[] {
  return ['--target', String(enginePid), '--net', '--mount', '--'];
}
