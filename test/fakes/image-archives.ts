import type { FakeEngine } from '../../simulator/fake-engine.ts';

/** What happened to the archives of one engine. */
export interface ArchiveTraffic {
  /** Archives being saved now, and the most there ever were at once. */
  saving: number;
  mostSaving: number;
  saves: number;
  loads: number;
  savedBytes: number;
  loadedBytes: number;
}

interface Archived {
  readonly id: string;
  readonly tags: readonly string[];
}

const BLOCK = 64 * 1024;

/**
 * Teaches fake engines to carry images in archives: a save holds the images asked for (by name: with that tag only, as
 * real ones do) in `archiveBytes` bytes, and a load takes them over.
 */
export function carryImages(engine: FakeEngine, archiveBytes: number = BLOCK): ArchiveTraffic {
  const traffic = { saving: 0, mostSaving: 0, saves: 0, loads: 0, savedBytes: 0, loadedBytes: 0 };
  answerSave(engine, archiveBytes, traffic);
  answerLoad(engine, traffic);
  return traffic;
}

function answerSave(engine: FakeEngine, archiveBytes: number, traffic: ArchiveTraffic): void {
  engine.on('GET /images/get', (exchange) => {
    const images = new Map<string, string[]>();
    for (const name of exchange.query.getAll('names')) {
      const image = engine.state.findImage(name);
      if (!image) {
        exchange.error(404, `No such image: ${name}`);
        return true;
      }
      const tags = images.get(image.id) ?? [];
      if (!name.startsWith('sha256:')) tags.push(name);
      images.set(image.id, tags);
    }
    const manifest = [...images].map(([id, tags]) => ({ id, tags }));
    const reply = exchange.stream('application/x-tar');
    let left = archiveBytes;
    const end = (): void => {
      if (left >= 0) traffic.saving -= 1;
      left = -1;
    };
    const send = (): void => {
      while (left > 0) {
        const block = Buffer.alloc(Math.min(BLOCK, left));
        if (left === archiveBytes) block.write(`${JSON.stringify(manifest)}\n`);
        left -= block.length;
        traffic.savedBytes += block.length;
        if (!reply.write(block)) return;
      }
      if (left === 0) {
        end();
        reply.end();
      }
    };
    traffic.saves += 1;
    traffic.saving += 1;
    traffic.mostSaving = Math.max(traffic.mostSaving, traffic.saving);
    exchange.onClose(end);
    exchange.onDrain(send);
    send();
    return true;
  });
}

function answerLoad(engine: FakeEngine, traffic: ArchiveTraffic): void {
  engine.on('POST /images/load', (exchange) => {
    let manifest = '';
    exchange.body = {
      data: (chunk) => {
        if (!manifest.includes('\n')) manifest += chunk.toString();
        traffic.loadedBytes += chunk.length;
      },
      end: () => {
        const images = JSON.parse(manifest.slice(0, manifest.indexOf('\n'))) as Archived[];
        for (const { id, tags } of images) take(engine, id, tags);
        traffic.loads += 1;
        const loaded = images.flatMap(({ id, tags }) => (tags.length > 0 ? tags : [`ID: ${id}`]));
        exchange.json(200, loaded.map((name) => JSON.stringify({ stream: `Loaded image: ${name}\n` })).join('\n'));
      },
    };
    return true;
  });
}

/** As a real engine: a tag of the archive moves to the loaded image. */
function take(engine: FakeEngine, id: string, tags: readonly string[]): void {
  for (const tag of tags) {
    for (const image of engine.state.images.values()) {
      const at = image.tags.indexOf(tag);
      if (at >= 0 && image.id !== id) image.tags.splice(at, 1);
    }
    engine.state.addImage(tag, id);
  }
  if (engine.state.images.has(id)) return;
  engine.state.addImage('temporary:tag', id).tags.splice(0);
}
