import { createHash, createHmac } from 'node:crypto';
import type { CloudRequest } from '../http-cloud.ts';

/**
 * Why a request's AWS signature (version 4) is not good; undefined when it is.
 * docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signatureProblem(request: CloudRequest, keys: Readonly<Record<string, string>>): string | undefined {
  const header = request.headers.authorization ?? '';
  const found = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
    header,
  );
  if (found === null) return 'there is no signature';
  const [, keyId = '', scope = '', signedHeaders = '', signature = ''] = found;
  const secret = keys[keyId];
  if (secret === undefined) return `the key ${keyId} is unknown`;
  if (!/;host;|^host;|;host$/.test(signedHeaders)) return 'the host is not signed';
  const [date = '', region = '', service = ''] = scope.split('/');
  const time = String(request.headers['x-amz-date'] ?? '');
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonicalRequest(request, signedHeaders))].join('\n');
  let key = Buffer.from(`AWS4${secret}`);
  for (const part of [date, region, service, 'aws4_request']) key = hmac(key, part);
  return hmac(key, text).toString('hex') === signature ? undefined : 'the signature does not fit';
}

function canonicalRequest({ method, url, headers, body }: CloudRequest, signedHeaders: string): string {
  const query = [...url.searchParams].map((pair) => pair.map(encodeURIComponent).join('=')).sort();
  const lines = signedHeaders.split(';').map((name) => `${name}:${String(headers[name] ?? '').trim()}\n`);
  return [method, url.pathname, query.join('&'), lines.join(''), signedHeaders, sha256(body)].join('\n');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: Buffer, text: string): Buffer<ArrayBuffer> {
  return createHmac('sha256', key).update(text).digest();
}
