/** API version the load speaks: one that every client of the last years can. */
const VERSION = '/v1.44';

/** A request without body, ready to send. @param path with query, without API version */
export function plainRequest(method: 'GET' | 'POST' | 'DELETE', path: string): string {
  const length = method === 'POST' ? 'Content-Length: 0\r\n' : '';
  return `${method} ${VERSION}${path} HTTP/1.1\r\nHost: docker\r\nUser-Agent: enxame-bench\r\n${length}\r\n`;
}

/** A POST with a JSON body, ready to send. */
export function jsonRequest(path: string, body: string): string {
  return `POST ${VERSION}${path} HTTP/1.1\r\nHost: docker\r\nUser-Agent: enxame-bench\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** The path of a filtered list of all containers. */
export function filteredList(filters: Readonly<Record<string, readonly string[]>>): string {
  return `/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify(filters))}`;
}
