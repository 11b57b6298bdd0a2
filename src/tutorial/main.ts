import { reasonOf } from '../common/errors.ts';
import { runTutorial } from './tutorial.ts';

/** `npm start`: the tutorial, then the swarm stays up until Ctrl-C; `--once` ends it at once. */
async function main(args: readonly string[]): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => (stop.signal.aborted ? process.exit(130) : stop.abort(new Error('interrupted'))));
  }
  // The reader of the output may leave (`npm start | head`): everything is removed then, as at Ctrl-C.
  process.stdout.on('error', () => stop.abort(new Error('the output is closed')));
  const swarm = await runTutorial(process.stdout, stop.signal);
  if (!args.includes('--once')) {
    process.stdout.write(`\nThe swarm stays up. In another terminal:\n\n${swarm.howToUse.join('\n')}\ndocker ps\n\n`);
    process.stdout.write('Ctrl-C removes every trace.\n');
    await untilAborted(stop.signal);
  }
  await swarm.close();
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  // A timer keeps the process alive while it waits.
  const alive = setInterval(() => undefined, 2 ** 30);
  return new Promise((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        clearInterval(alive);
        resolve();
      },
      { once: true },
    );
  });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`tutorial: ${reasonOf(error)}\n`);
  process.exitCode = 1;
}
