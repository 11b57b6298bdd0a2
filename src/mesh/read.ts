import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';
import { printable } from '../common/printable.ts';
import { isWithin, subnets } from '../common/subnets.ts';
import { KEY, type MeshQuestion, type MeshReport, MOST_PEERS } from './protocol.ts';

const MOST_ROUTES = 2_000;
const MOST_PROBLEMS = 20;
const MOST_CHARS = 1_000;

const key = z.string().regex(KEY);
const address = z.string().refine(isIPv4);
const cidr = z.string().refine(isCidr);
const endpoint = z.string().refine(isEndpoint);
const seconds = z.number().min(0).finite();

/** Members that a later version adds are left out. */
const QUESTION = z.object({
  order: z
    .object({
      digest: z.string().min(1).max(128),
      address,
      subnet: cidr,
      mtu: z.number().int().min(576).max(9_000),
      peers: z
        .array(z.object({ key, endpoint: endpoint.optional(), allowed: z.array(address).max(MOST_PEERS) }))
        .max(MOST_PEERS),
      measured: z.array(address).max(MOST_PEERS),
    })
    .refine(({ subnet, address: own, peers }) => {
      const within = subnets(subnet as `${string}/${number}`);
      return [own, ...peers.flatMap(({ allowed }) => allowed)].every((each) => isWithin(within, each));
    }, 'an address lies outside of the subnet')
    .optional(),
});

const REPORT = z.object({
  key,
  port: z.number().int().min(1).max(65_535),
  kind: z.enum(['kernel', 'program']),
  interface: z.string().regex(/^[\w.-]{1,15}$/),
  public: z
    .string()
    .refine((text) => isEndpoint(text.startsWith(':') ? `192.0.2.1${text}` : text))
    .optional(),
  addresses: z.array(address).max(100),
  routes: z.array(cidr).max(MOST_ROUTES),
  applied: z.string().max(128).optional(),
  peers: z
    .array(
      z.object({
        key,
        endpoint: endpoint.optional(),
        allowed: z.array(address).max(MOST_PEERS),
        handshakeS: seconds.optional(),
        heardS: seconds.optional(),
      }),
    )
    .max(MOST_PEERS),
  ways: z
    .array(
      z.object({
        address,
        sent: z.number().int().min(0),
        lost: z.number().int().min(0),
        missed: z.number().int().min(0),
        latencyMs: z.number().min(0).finite().optional(),
        isNarrow: z.boolean(),
        mtu: z.number().int().min(500).max(9_000).optional(),
      }),
    )
    .max(MOST_PEERS),
  // Shown to people, among lines of the manager's own.
  problems: z.array(z.string().transform((text) => printable(text).slice(0, MOST_CHARS))).max(MOST_PROBLEMS),
  nowMs: z.number().finite(),
});

/** What a manager asks. Throws one clear line for what no manager of ours sends: nothing of it is done then. */
export function readQuestion(value: unknown): MeshQuestion {
  const read = QUESTION.safeParse(value);
  if (read.success) return read.data;
  throw new Error(`the manager's order cannot be read: ${whyOf(read.error)}`);
}

/** What an agent answers. Throws one clear line for what no agent of ours says. */
export function readReport(value: unknown): MeshReport {
  const read = REPORT.safeParse(value);
  if (read.success) return read.data;
  throw new Error(`its report cannot be read: ${whyOf(read.error)}`);
}

function whyOf({ issues: [issue] }: z.ZodError): string {
  return `${issue?.path.join('.') || 'all of it'}: ${issue?.message ?? 'unknown'}`;
}

/** `IP:port`, IPv6 in brackets: names are resolved by nobody here. */
export function isEndpoint(text: string): boolean {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  return match !== null && isIP(match[1] ?? match[2] ?? '') !== 0 && port >= 1 && port <= 65_535;
}

export function isCidr(text: string): boolean {
  const [network = '', bits = '', ...rest] = text.split('/');
  return rest.length === 0 && isIPv4(network) && /^\d{1,2}$/.test(bits) && Number(bits) <= 32;
}
