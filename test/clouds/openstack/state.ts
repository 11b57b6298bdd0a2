import { randomUUID } from 'node:crypto';
import { RestFailure } from '../rest.ts';

/** What a request or an answer says. */
export type Body = Readonly<Record<string, unknown>>;

/** Something that was made. */
export interface Made {
  readonly id: string;
  body: Body;
  status: string;
  next: { readonly status: string; readonly at: number } | undefined;
}

export interface FakeServer extends Made {
  /** What it is doing: `powering-off`. */
  task: string | null;
  readonly ports: readonly { readonly id: string; readonly network_id: string }[];
  readonly volumes: readonly string[];
}

export const PROJECT = 'a1b2c3d4e5f6470f9a0b1c2d3e4f5a6b';
export const USER = 'bee';
export const CREDENTIAL = 'app-credential-id';
export const REGION = 'north';

/** A project at a cloud. */
export interface OpenStackState {
  readonly servers: FakeServer[];
  readonly keypairs: Made[];
  readonly groups: Made[];
  readonly rules: Made[];
  readonly volumes: Made[];
  readonly floatingIps: Made[];
  /** Tokens that are good; emptied, all have ended. */
  readonly tokens: Set<string>;
  /** Identities that were signed in with. */
  readonly signIns: Body[];
  /** Names of the project's networks. */
  networks: readonly string[];
  password: string;
  secret: string;
  /** How many servers the project may have. */
  limit: number;
  /** No host has place for another server. */
  noHost: boolean;
  readonly delayMs: number;
  readonly microversion: string;
  readonly scheme: string;
  existing(): readonly string[];
}

export function made(body: Body, status: string = ''): Made {
  return { id: randomUUID(), body, status, next: undefined };
}

/** The one of that ID; fails as the service `word` belongs to: `itemNotFound` or a word of Neutron's. */
export function one<T extends Made>(all: readonly T[], id: unknown, word: string = 'itemNotFound'): T {
  const found = all.find((each) => each.id === id);
  if (found === undefined) throw new RestFailure(404, word, `${id} could not be found.`);
  return found;
}

/** Takes it out of its list. */
export function drop<T>(all: T[], each: T): void {
  all.splice(all.indexOf(each), 1);
}
