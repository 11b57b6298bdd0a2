/** Where deliveries go. */
export interface Target {
  /** For logs and `docker info`, without credentials. */
  readonly name: string;
  /** Resolves once it was taken. Rejects with a `RefusedDelivery` when trying again is of no use, else with any error. */
  deliver(text: string, id: string, signal: AbortSignal): Promise<void>;
}

/** The target has judged the delivery, and will judge it the same way again. */
export class RefusedDelivery extends Error {}
