/** When a container moves by itself: `auto` when it is meant to go on running, `on-node-failure` always, `off` never. */
export type MovePolicy = 'auto' | 'on-node-failure' | 'off';

/** What decides whether, when and how a container moves. */
export interface MoveTerms {
  /** The container's own word; without one the cluster's default holds. */
  readonly policy?: MovePolicy;
  /** The restart policy that clients see: `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:<times>`. */
  readonly restart: string;
  /** It is a Compose service's, and no one-off. */
  readonly isOfService?: boolean;
  /** `--rm`, and what `docker compose run` makes: it never moves by itself. */
  readonly isTransient?: boolean;
  /** Why it cannot leave its node without losing data, in words: `volume "data"`, `bind mount /srv`. */
  readonly boundBy?: string;
  /** Networks of its node alone: it cannot leave the node for as long as others are on one of them. */
  readonly localNetworks?: readonly string[];
  /** `io.enxame.data=discard`: it may leave its node without its data. */
  readonly discardsData?: boolean;
  /** `io.enxame.fence=strict`: it must never run twice. */
  readonly isStrict?: boolean;
  /** `io.enxame.return=keep-old`: when its node comes back, the copy there stays and the successor goes, if the copy never stopped. */
  readonly keepsOld?: boolean;
  /** `io.enxame.move=stop-first`: it is stopped before its successor starts. */
  readonly stopsFirst?: boolean;
  /** `io.enxame.priority`; the higher ones move first. Default 0. */
  readonly priority: number;
}
