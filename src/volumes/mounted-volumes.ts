import type { Duplex } from 'node:stream';
import type { Node } from '../cluster/node.ts';
import { EngineError, reasonOf } from '../common/errors.ts';
import { ATTEMPT_LABEL } from '../common/labels.ts';
import { answerError, bodyOf } from '../engine/answer-body.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { sendPieces } from '../engine/send-pieces.ts';
import { type ArchiveFacts, ArchiveReader } from './archive-facts.ts';

/**
 * Where volumes are mounted in the containers that are made to reach them, the place follows: right below the root. An engine takes no
 * symbolic link whose target would be above the folder that it unpacks into ("invalid symlink"), and nothing is above the root.
 */
const ROOT = '/';
const MOUNTED_AT = '/.enxame-volume-';
const CREATE_MS = 120_000;
/** Bound on the time until an engine begins to send an archive, in milliseconds. */
const HEAD_MS = 120_000;

/** A container that is made to reach volumes, and never started. */
export interface Mounting {
  /** Each has its place in the list. */
  readonly volumes: readonly string[];
  /** One that the node has. Nothing of it is run. */
  readonly image: string;
  /** Paths at which the image would have volumes of its own. */
  readonly imageVolumes: readonly string[];
  /** Its {@link ATTEMPT_LABEL}. */
  readonly label: string;
  readonly signal: AbortSignal;
}

export interface ArchiveOptions {
  readonly signal: AbortSignal;
  /** Of the archive, as they pass. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Volumes of a node, mounted where the engine's archive calls reach them. To be closed. */
export class MountedVolumes {
  readonly #node: Node;
  readonly #engineId: string;

  private constructor(node: Node, engineId: string) {
    this.#node = node;
    this.#engineId = engineId;
  }

  /** Rejects with 404 when the node does not have the image. */
  static async open(node: Node, { volumes, image, imageVolumes, label, signal }: Mounting): Promise<MountedVolumes> {
    const body = {
      Image: image,
      Entrypoint: ['-'],
      Cmd: ['-'],
      Labels: { [ATTEMPT_LABEL]: label },
      NetworkDisabled: true,
      HostConfig: {
        NetworkMode: 'none',
        // Without: the engine would fill the new volume from the image, and make volumes for the image's own paths.
        Mounts: volumes.map((Source, index) => ({
          Type: 'volume',
          Source,
          Target: `${MOUNTED_AT}${index}`,
          VolumeOptions: { NoCopy: true },
        })),
        Tmpfs: Object.fromEntries(imageVolumes.map((path) => [path, ''])),
      },
    };
    const { Id } = await node.client.json<{ readonly Id: string }>({
      method: 'POST',
      path: '/containers/create',
      body: JSON.stringify(body),
      signal,
      timeoutMs: CREATE_MS,
    });
    return new MountedVolumes(node, Id);
  }

  /** The node's name. */
  get node(): string {
    return this.#node.name;
  }

  /** What a volume holds, piece by piece: an archive with one folder, named after its place. Rejects when the engine breaks off. */
  async *read(index: number, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    const exchange = await this.#node.client.open({
      method: 'GET',
      path: this.#archive(`${MOUNTED_AT}${index}`),
      headers: { Connection: 'close' },
      signal,
      timeoutMs: HEAD_MS,
    });
    if (exchange.statusCode !== 200) throw await answerError(exchange, signal);
    yield* bodyOf(exchange, signal);
  }

  /**
   * Unpacks what {@link read} gives of the same place elsewhere. Resolves with what it held once the engine has taken all of it. The folder above the
   * volume is named, not the volume: of that an engine would leave owner, mode and time as they are.
   */
  async write(pieces: AsyncIterable<Buffer>, { signal, onBytes }: ArchiveOptions): Promise<ArchiveFacts> {
    const reader = new ArchiveReader();
    const socket = await this.#send(signal);
    const sent = { isAll: false };
    try {
      const head = await sendPieces(socket, noting(pieces, sent), {
        method: 'PUT',
        signal,
        onPiece: (piece) => {
          reader.feed(piece);
          onBytes?.(piece.length);
        },
      });
      const answer = { ...head, socket };
      if (head.statusCode >= 400) {
        if (sent.isAll) reader.end(); // What was cut short is not this engine's fault.
        throw await answerError(answer, signal);
      }
      for await (const _ of bodyOf(answer, signal)); // It is done when its answer ends.
      return reader.end();
    } finally {
      socket.destroy();
    }
  }

  /** Reads what a volume holds to the end, and forgets it. */
  async facts(index: number, { signal, onBytes }: ArchiveOptions): Promise<ArchiveFacts> {
    const reader = new ArchiveReader();
    for await (const piece of this.read(index, signal)) {
      reader.feed(piece);
      onBytes?.(piece.length);
    }
    return reader.end();
  }

  /** Removes the container; the volumes stay. Resolves when it is gone. */
  close(): Promise<void> {
    return removeMounting(this.#node, this.#engineId);
  }

  #send(signal: AbortSignal): Promise<Duplex> {
    return this.#node.client.send({
      method: 'PUT',
      path: this.#archive(ROOT),
      headers: { 'Content-Type': 'application/x-tar', 'Transfer-Encoding': 'chunked', Connection: 'close' },
      signal,
    });
  }

  #archive(path: string): string {
    return `/containers/${this.#engineId}/archive?path=${path}`;
  }
}

async function* noting(
  pieces: AsyncIterable<Buffer>,
  sent: { isAll: boolean },
): AsyncGenerator<Buffer, void, undefined> {
  yield* pieces;
  sent.isAll = true;
}

/** Removes a container that was made to reach volumes; one that is gone is removed. */
export async function removeMounting(node: Node, engineId: string): Promise<void> {
  try {
    await node.client.json({ method: 'DELETE', path: `/containers/${engineId}?force=1&v=1`, timeoutMs: CREATE_MS });
  } catch (error) {
    if (error instanceof EngineAnswerError && error.status === 404) return;
    throw new EngineError(`remove a container of a copied volume on ${node.name}: ${reasonOf(error)}`);
  }
}
