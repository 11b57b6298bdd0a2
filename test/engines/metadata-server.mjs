// The metadata service of a machine of EC2 (version 2) or Azure, at the address that both have: `metadata-server.mjs PROVIDER FILE`. The
// machine is taken back at the time that the file has (RFC 3339), once there is one.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [provider, file] = process.argv.slice(2);
const token = randomBytes(8).toString('hex');

function endsAt() {
  if (!existsSync(file)) return undefined;
  const at = new Date(readFileSync(file, 'utf8'));
  // Being written.
  return Number.isNaN(at.getTime()) ? undefined : at;
}

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html */
function amazonec2({ method, url, headers }, response) {
  if (method === 'PUT' && url === '/latest/api/token')
    return headers['x-aws-ec2-metadata-token-ttl-seconds'] ? response.end(token) : response.writeHead(400).end();
  if (headers['x-aws-ec2-metadata-token'] !== token) return response.writeHead(401).end();
  const at = endsAt();
  if (url !== '/latest/meta-data/spot/instance-action' || !at) return response.writeHead(404).end();
  return response.end(JSON.stringify({ action: 'terminate', time: at.toISOString().replace(/\.\d+/, '') }));
}

/** https://learn.microsoft.com/azure/virtual-machines/linux/scheduled-events */
function azure({ url, headers }, response) {
  if (headers.metadata !== 'true') return response.writeHead(400).end();
  if (!/^\/metadata\/scheduledevents\?api-version=20\d\d-/.test(url)) return response.writeHead(404).end();
  const at = endsAt();
  const event = {
    EventId: '602d9444-d2cd-49c7-8624-8643e7171297',
    EventStatus: 'Scheduled',
    EventType: 'Preempt',
    ResourceType: 'VirtualMachine',
    Resources: ['two'],
    NotBefore: at?.toUTCString(),
    EventSource: 'Platform',
  };
  return response.end(JSON.stringify({ DocumentIncarnation: at ? 2 : 1, Events: at ? [event] : [] }));
}

createServer({ amazonec2, azure }[provider]).listen(80, '169.254.169.254');
