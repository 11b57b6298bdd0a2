import { byteText } from '../common/byte-text.ts';
import { EngineError, reasonOf } from '../common/errors.ts';
import type { ArchiveFacts } from './archive-facts.ts';
import type { MountedVolumes } from './mounted-volumes.ts';

export interface CopyVolumesOptions {
  readonly signal: AbortSignal;
  /** Of the archives, those that are read back included. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Which of the mounted volumes are copied: those from a place on, one for each name. */
export interface CopiedPlaces {
  /** For messages. */
  readonly names: readonly string[];
  readonly first?: number;
}

/**
 * Copies volumes of one node into those of the same places on another, streamed from engine to engine through this process, and reads each back: it holds what
 * was sent, or this rejects. Nothing may write to them meanwhile.
 */
export async function copyVolumes(
  source: MountedVolumes,
  target: MountedVolumes,
  { names, first = 0 }: CopiedPlaces,
  { signal, onBytes }: CopyVolumesOptions,
): Promise<readonly ArchiveFacts[]> {
  const copied: ArchiveFacts[] = [];
  for (const [i, name] of names.entries()) {
    const index = first + i;
    const [sent, arrived] = await copyOne(source, target, index, { signal, onBytes }).catch((error: unknown) => {
      throw new EngineError(
        `copy volume ${name} from ${source.node} to ${target.node}: ${reasonOf(error)}`,
        undefined,
        error,
      );
    });
    if (arrived.digest !== sent.digest) throw differs(name, sent, arrived);
    copied.push(sent);
  }
  return copied;
}

async function copyOne(
  source: MountedVolumes,
  target: MountedVolumes,
  index: number,
  options: CopyVolumesOptions,
): Promise<readonly [sent: ArchiveFacts, arrived: ArchiveFacts]> {
  const sent = await target.write(source.read(index, options.signal), options);
  return [sent, await target.facts(index, options)];
}

function differs(name: string, sent: ArchiveFacts, arrived: ArchiveFacts): EngineError {
  const words = ({ entries, bytes }: ArchiveFacts): string => `${entries} entries with ${byteText(bytes)}`;
  const isLikely = sent.entries === arrived.entries && sent.bytes === arrived.bytes;
  const hint = isLikely ? ': contents, owners, modes or attributes are others. Does its file system keep them?' : '';
  return new EngineError(
    `volume ${name} did not arrive as it was: ${words(sent)} were sent, ${words(arrived)} are there${hint}`,
    'VOLUME_COPY_DIFFERS',
  );
}
