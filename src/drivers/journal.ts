/** Something that exists, or may exist, at a provider for one machine. */
export interface Resource {
  /** What it is, in the driver's words: `server`, `security-group`. */
  readonly kind: string;
  /**
   * Made up before the provider is asked: an idempotency token, or the end of a unique name. Letters and digits only.
   */
  readonly token: string;
  /** The provider's identifier. Absent: it was about to be made, and whether it was is unknown. */
  readonly id?: string | undefined;
  /** Small facts needed later: a port, a fingerprint, a file name. No secrets. */
  readonly details?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/** What {@link ResourceJournal.ensure} is told about something made or found. */
export type Made = Pick<Resource, 'id' | 'details'> & { readonly id: string };

/** How one resource is found and made. */
export interface ResourcePlan {
  /**
   * Looks for it at the provider by tags, name or token; asked when an earlier run may have made it. Absent for what is made with
   * `token` as idempotency token: making it again answers the same resource.
   */
  readonly find?: (token: string) => Promise<Made | undefined>;
  readonly make: (token: string) => Promise<Made>;
}

/**
 * What exists at the provider, written to the store before and after each change: a later command, after Ctrl-C
 * or a crash at any moment, can go on with the machine or remove it.
 */
export interface ResourceJournal {
  /** In the order they were begun. */
  readonly resources: readonly Resource[];
  /** The first of that kind. */
  find(kind: string): Resource | undefined;
  /**
   * The resource of that kind: the recorded one, else one an interrupted run made, else a new one. It is recorded when this
   * resolves, and that it was about to be made is recorded before `make` is called.
   */
  ensure(kind: string, plan: ResourcePlan): Promise<Made>;
  /** Changes the details of a recorded resource. */
  describe(kind: string, details: NonNullable<Resource['details']>): Promise<void>;
  /** Call it when the resource is known to be gone. */
  forget(resource: Resource): Promise<void>;
}

/** Where a journal keeps its list. */
export interface JournalStorage {
  load(): readonly Resource[];
  /** Resolves when it is on disk. */
  save(resources: readonly Resource[]): Promise<void>;
}

/** A journal over `storage`; `newToken` makes tokens of letters and digits that never come twice. */
export function openJournal(storage: JournalStorage, newToken: () => string): ResourceJournal {
  let resources = storage.load();
  const save = async (next: readonly Resource[]): Promise<void> => {
    resources = next;
    await storage.save(next);
  };
  const put = async (resource: Resource): Promise<void> => {
    const isKnown = resources.some(({ token }) => token === resource.token);
    await save(
      isKnown ? resources.map((each) => (each.token === resource.token ? resource : each)) : [...resources, resource],
    );
  };
  const find = (kind: string): Resource | undefined => resources.find((each) => each.kind === kind);
  return {
    get resources() {
      return resources;
    },
    find,
    async ensure(kind, plan) {
      const known = find(kind);
      if (known?.id !== undefined) return { ...known, id: known.id };
      const token = known?.token ?? newToken();
      if (known === undefined) await put({ kind, token });
      const found = known === undefined ? undefined : await plan.find?.(token);
      const made = found ?? (await plan.make(token));
      await put({ kind, token, ...made });
      return made;
    },
    async describe(kind, details) {
      const known = find(kind);
      if (known !== undefined) await put({ ...known, details: { ...known.details, ...details } });
    },
    async forget(resource) {
      await save(resources.filter(({ token }) => token !== resource.token));
    },
  };
}
