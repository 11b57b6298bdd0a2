import v8 from 'node:v8';

/**
 * Keeps V8 from allocating short-lived objects as old ones. While a manager connects to its engines nearly everything made on the way
 * stays: sockets and their parts, thousands of them. V8 concludes that what is made in these places (the same that
 * serve every request later) lives long and puts it among the old objects at once, where only a collection of the whole
 * heap finds that it is dead. With 2,000 engines each request cost twice the CPU time (Node 20). To be called before the first engine
 * is connected; it concerns the whole process.
 */
export function tuneHeap(): void {
  v8.setFlagsFromString('--no-allocation-site-pretenuring');
}
