/**
 * What the page and the manager say to each other: types alone, which browser and manager read alike.
 *
 * All paths are below {@link ApiRoot}. But for `POST login`, every call needs the session's cookie (set by `login`) and the token that
 * `login` answered, as header {@link TokenHeader}; the stream takes it as `?token=` (an `EventSource` has no headers) and the terminal as a
 * WebSocket subprotocol. Keep the token in `localStorage`: that is the origin's own, port included, while cookies are shared by all ports
 * of a host.
 *
 * Answers are JSON. Errors are {@link PageError} with their status: 400 bad input, 401 no session (say: run `enxame page`), 403 not
 * allowed (no right to act, another origin), 404 unknown, 409 state conflict, 429 a bound was reached, 502/503 an engine does not answer.
 * Times are milliseconds since the epoch unless their name says `seconds`; sizes are bytes.
 *
 * | call                                            | body              | answer                                                    |
 * | ----------------------------------------------- | ----------------- | --------------------------------------------------------- |
 * | `POST login`                                    | {@link LoginBody} | {@link LoginAnswer}, sets the cookie; 401 for a bad link   |
 * | `POST logout`                                   |                   | 204                                                       |
 * | `GET session`                                   |                   | {@link SessionAnswer}                                     |
 * | `GET stream?token=`                             |                   | server-sent events, see {@link StreamMessages}            |
 * | `GET containers/{id}`                           |                   | {@link ContainerDetail}                                   |
 * | `GET containers/{id}/explain`                   |                   | {@link ContainerExplanation}                              |
 * | `GET containers/{id}/moves`                     |                   | {@link PastMove}[], the latest first                      |
 * | `GET containers/{id}/logs`                      |                   | a stream of bytes, see {@link LogQuery}                   |
 * | `GET containers/{id}/stats?span=hour\|day`       |                   | {@link Series}                                            |
 * | `GET nodes/{id}`                                |                   | {@link NodeDetail}                                        |
 * | `GET nodes/{id}/explain`                        |                   | {@link NodeExplanation}                                   |
 * | `GET nodes/{id}/stats?span=hour\|day`            |                   | {@link Series}                                            |
 * | `GET usage?sort=&limit=&search=`                |                   | {@link UsageAnswer}                                       |
 * | `GET images`                                    |                   | {@link ImageRow}[]                                        |
 * | `GET networks`                                  |                   | {@link NetworkRow}[]                                      |
 * | `GET networks/{id}`                             |                   | {@link NetworkDetail}                                     |
 * | `GET volumes?size=1`                            |                   | {@link VolumeRow}[]; sizes ask engines, and take a while  |
 * | `GET events?before=SEQ&limit=`                  |                   | {@link EventRow}[], the latest first                      |
 * | `GET plans`                                     |                   | {@link PlanKind}[]                                        |
 * | `GET plans/{kind}?node=ID&…`                    |                   | {@link PlanView}                                          |
 * | `POST plans/{kind}/apply`                       | {@link ApplyBody} | 202; 409 when the plan is another one by now              |
 * | `GET bill`                                      |                   | {@link Bill}                                              |
 * | `POST containers/{id}/start\|stop\|restart\|kill\|pause\|unpause` | | 204; 304 when it is so already                            |
 * | `DELETE containers/{id}?force=1&volumes=1`      |                   | 204                                                       |
 * | `POST nodes/{id}/availability`                  | {@link AvailabilityBody} | 204                                                |
 * | WebSocket `containers/{id}/exec`                |                   | see {@link ExecOpen}                                      |
 *
 * Everything that changes something needs `enxame manage --page-actions` (else 403), and an `Origin` of this page.
 * `{id}` of containers is the full ID of a row, `{id}` of nodes the node's ID, percent-encoded.
 */
export type PageProtocolVersion = 1;

/** Paths of all calls begin with it. */
export type ApiRoot = '/api/v1/';

/** The header that carries the token. */
export type TokenHeader = 'X-Enxame-Token';

export type * from './protocol/containers.ts';
export type * from './protocol/holdings.ts';
export type * from './protocol/plans.ts';
export type * from './protocol/session.ts';
export type * from './protocol/stream.ts';
export type * from './protocol/use.ts';
