import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own that can be filled to the last byte; needs root. */
export class SmallDisk implements Disposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Undefined where nothing may be mounted. */
  static mount(kib: number): SmallDisk | undefined {
    const folder = mkdtempSync(join(tmpdir(), 'enxame-disk-'));
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k,mode=0700`, 'tmpfs', folder]);
    if (status === 0) return new SmallDisk(folder);
    rmdirSync(folder);
    return undefined;
  }

  /** Leaves no byte of room. */
  fill(): void {
    const { bavail, bsize } = statfsSync(this.folder);
    writeFileSync(this.#ballast, Buffer.alloc(bavail * bsize));
  }

  /** Makes the room again that {@link fill} took. */
  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  /** Takes no writes from now on; nothing may be open for writing. Throws when the kernel refuses. */
  seal(isReadOnly: boolean = true): void {
    const { status, stderr } = spawnSync('mount', ['-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, this.folder]);
    if (status !== 0) throw new Error(`remount ${this.folder}: ${stderr}`);
  }

  [Symbol.dispose](): void {
    spawnSync('umount', ['-l', this.folder]);
    rmdirSync(this.folder);
  }

  get #ballast(): string {
    return join(this.folder, 'ballast');
  }
}
