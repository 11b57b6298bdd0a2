import type { EngineState } from '../engine-state.ts';
import type { Exchange } from '../exchange.ts';

/** What a route handler gets. */
export interface RouteContext {
  readonly state: EngineState;
  readonly exchange: Exchange;
  /** The `{}` of the route: a decoded name or ID; empty when the route has none. */
  readonly name: string;
}

/** Answers one exchange. */
export type Route = (context: RouteContext) => void;

/** Routes by `METHOD area/action` or `METHOD area/{}/action`. */
export type RouteTable = Readonly<Record<string, Route>>;
