/** What an operator is told of. */
export type NoticeKind =
  | 'node-lost'
  | 'node-back'
  | 'moved'
  | 'waiting'
  | 'brake-on'
  | 'brake-off'
  | 'drain-begun'
  | 'drain-done'
  | 'port-unavailable';

/** One thing that happened, for people and programs outside of the cluster. */
export interface Notice {
  readonly event: NoticeKind;
  /** In words, one line. */
  readonly text: string;
  /** Names, for programs; what does not concern the event is not there. */
  readonly node?: string;
  readonly container?: { readonly id: string; readonly name: string };
  readonly from?: string;
  readonly to?: string;
  readonly why?: string;
}

/** A notice on its way. */
export interface Delivery extends Notice {
  /** Unique; one delivery may arrive twice. */
  readonly id: string;
  /** RFC 3339: when it happened. */
  readonly at: string;
  /** ID of the cluster; undefined when nothing durable says which one it is. */
  readonly cluster?: string;
}
