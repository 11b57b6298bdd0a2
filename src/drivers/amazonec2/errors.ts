import { reasonOf } from '../../common/errors.ts';
import { DriverError } from '../errors.ts';

/** What an error of EC2 means to the person, by its code (`UnauthorizedOperation`); the rest is EC2's own text. */
const NEXT_STEPS: readonly (readonly [codes: RegExp, code: string, nextStep: string])[] = [
  [
    /^(AuthFailure|InvalidClientTokenId|SignatureDoesNotMatch|InvalidAccessKeyId|UnrecognizedClientException)$/,
    'BAD_CREDENTIALS',
    'Check the access key and its secret',
  ],
  [/^(ExpiredToken|RequestExpired|ExpiredTokenException)$/, 'BAD_CREDENTIALS', 'Sign in again, or check the clock'],
  [
    /^(CredentialsProviderError|TokenProviderError|CredentialsError)$/,
    'BAD_CREDENTIALS',
    'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with "aws configure" or "aws sso login"',
  ],
  [/^UnauthorizedOperation$/, 'FORBIDDEN', 'Ask for that permission, or use other credentials'],
  [/^OptInRequired$/, 'FORBIDDEN', 'Enable the region, or accept the terms of the image, in the AWS console'],
  [
    /^(VcpuLimitExceeded|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|SecurityGroupLimitExceeded|RulesPerSecurityGroupLimitExceeded|VolumeLimitExceeded)$/,
    'QUOTA',
    'Remove what is not needed, take another region, or ask for more under "Service Quotas" in the AWS console',
  ],
  [
    /^(InsufficientInstanceCapacity|InsufficientHostCapacity|InsufficientCapacityOnHost|SpotMaxPriceTooLow|Unsupported)$/,
    'NO_CAPACITY',
    'Try another --amazonec2-zone or --amazonec2-instance-type',
  ],
  [/^(RequestLimitExceeded|Throttling)/, 'THROTTLED', 'AWS asks to slow down: try again in a minute'],
  [/^InvalidParameterCombination$/, 'BAD_OPTIONS', 'Change one of the flags it names'],
  [/^(ENOTFOUND|ECONNREFUSED|EAI_AGAIN|TimeoutError)$/, 'UNREACHABLE', 'Check the network and --amazonec2-region'],
];

/** EC2's code for an error, also when it was explained already; undefined for others. */
export function ec2Code(error: unknown): string | undefined {
  const origin = error instanceof DriverError ? error.cause : error;
  if (!(origin instanceof Error)) return undefined;
  return (origin as NodeJS.ErrnoException).code ?? origin.name;
}

/** Whether EC2 surely did nothing: it answered, and it was not its own failure. */
export function isRefusal(error: unknown): boolean {
  const origin = error instanceof DriverError ? error.cause : error;
  const status = (origin as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
  return status !== undefined && status >= 400 && status < 500;
}

/** An error of the SDK as one line with the next step. */
export function explained(error: unknown, region: string): DriverError {
  if (error instanceof DriverError) return error;
  const name = ec2Code(error) ?? '';
  const [, code = 'DRIVER', nextStep] = NEXT_STEPS.find(([codes]) => codes.test(name)) ?? [];
  const reason = shortened(reasonOf(error));
  const text = `Amazon EC2 in ${region}: ${reason}${reason.endsWith('.') ? '' : '.'}`;
  return new DriverError(`${text} ${nextStep ?? `(${name})`}`, code, error);
}

/** Without the encoded part of UnauthorizedOperation, which is long and unreadable. */
function shortened(reason: string): string {
  return reason.replace(/\s*Encoded authorization failure message:.*$/s, '');
}
