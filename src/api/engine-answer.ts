import type { ServerResponse } from 'node:http';
import type { EngineAnswer } from '../engine/client.ts';

/** Passes an engine's whole answer on as it is: status, content type, body. */
export function sendAnswer(res: ServerResponse, answer: EngineAnswer): void {
  const hasBody = answer.statusCode !== 204 && answer.statusCode !== 304;
  const type = answer.headers['content-type'];
  if (type !== undefined && hasBody) res.setHeader('Content-Type', type);
  if (hasBody) res.setHeader('Content-Length', answer.body.length);
  res.writeHead(answer.statusCode);
  res.end(hasBody ? answer.body : undefined);
}
