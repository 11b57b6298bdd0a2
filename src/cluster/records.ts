/** Durable texts by key, as the state keeps them: what `put` and `delete` resolved survives a kill of the process. */
export interface DurableTexts {
  list(): ReadonlyMap<string, string>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
}
