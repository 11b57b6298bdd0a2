import { reasonOf } from '../../common/errors.ts';
import { DriverError } from '../errors.ts';

/** What an error of Azure means to the person, by its code or name. */
const NEXT_STEPS: readonly (readonly [codes: RegExp, code: string, nextStep: string])[] = [
  [
    /^(AuthenticationError|AuthenticationRequiredError|InvalidAuthenticationToken|InvalidAuthenticationTokenTenant|ExpiredAuthenticationToken|invalid_client)/,
    'BAD_CREDENTIALS',
    'Check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET',
  ],
  [
    /^(CredentialUnavailableError|AggregateAuthenticationError|ChainedTokenCredential)/,
    'BAD_CREDENTIALS',
    'Sign in with "az login", or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET',
  ],
  [
    /^(AuthorizationFailed|LinkedAuthorizationFailed)$/,
    'FORBIDDEN',
    'Ask for the role "Contributor", or use other credentials',
  ],
  [
    /^(SubscriptionNotFound|InvalidSubscriptionId|ReadOnlyDisabledSubscription)$/,
    'FORBIDDEN',
    'Check --azure-subscription-id',
  ],
  [
    /^(MissingSubscriptionRegistration|NoRegisteredProviderFound)$/,
    'FORBIDDEN',
    'Run "az provider register --namespace Microsoft.Compute" and the same for Microsoft.Network',
  ],
  [
    /^(QuotaExceeded|OperationNotAllowed|PublicIPCountLimitReached|NetworkCountLimitReached|.*QuotaExceeded)$/,
    'QUOTA',
    'Remove what is not needed, take another --azure-location or --azure-size, or ask for more under "Quotas" in the portal',
  ],
  [
    /^(SkuNotAvailable|AllocationFailed|ZonalAllocationFailed|OverconstrainedAllocationRequest)/,
    'NO_CAPACITY',
    'Try another --azure-size, --azure-zone or --azure-location',
  ],
  [
    /^(RequestDisallowedByPolicy|ScopeLocked)$/,
    'FORBIDDEN',
    'A policy or lock of the subscription forbids it: ask its owner',
  ],
  [
    /^(TooManyRequests|SubscriptionRequestsThrottled|OperationPreempted)/,
    'THROTTLED',
    'It asks to slow down: try again in a few minutes',
  ],
  [
    /^(InvalidParameter|InvalidRequestContent|InvalidTemplate|PropertyChangeNotAllowed)$/,
    'BAD_OPTIONS',
    'Change the flag it is about',
  ],
  [
    /^(REQUEST_SEND_ERROR|ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ECONNRESET)$/,
    'UNREACHABLE',
    'Check the network and try again',
  ],
];

interface AzureFailure {
  readonly code?: string;
  readonly name: string;
  readonly statusCode?: number;
  readonly message: string;
}

/** HTTP status of the answer behind an error; undefined when there was none. */
export function azureStatus(error: unknown): number | undefined {
  return failureOf(error)?.statusCode;
}

/** Azure's code for an error: `QuotaExceeded`. */
export function azureCode(error: unknown): string | undefined {
  const failure = failureOf(error);
  return failure?.code ?? failure?.name;
}

/** Whether Azure surely did nothing: it answered, and it was not its own failure. */
export function isRefusal(error: unknown): boolean {
  const status = azureStatus(error);
  return status !== undefined && status >= 400 && status < 500;
}

/** An error of the SDKs as one line with the next step. */
export function explained(error: unknown): DriverError {
  if (error instanceof DriverError) return error;
  const names = [azureCode(error) ?? '', error instanceof Error ? error.name : ''];
  const found = NEXT_STEPS.find(([codes]) => names.some((name) => codes.test(name)));
  const [, code = 'DRIVER', nextStep] = found ?? [];
  const reason = firstSentences(reasonOf(error));
  return new DriverError(
    `Microsoft Azure: ${reason}${/[.!?]$/.test(reason) ? '' : '.'} ${nextStep ?? `(${names[0]})`}`,
    code,
    error,
  );
}

function failureOf(error: unknown): AzureFailure | undefined {
  const origin = error instanceof DriverError ? error.cause : error;
  return origin instanceof Error ? (origin as AzureFailure) : undefined;
}

/** Azure adds trace IDs, correlation IDs and links, which are of no use on a terminal. */
function firstSentences(reason: string): string {
  return reason
    .replace(/\s*(Trace ID|Correlation ID|Timestamp|Tracking ID):.*$/s, '')
    .replace(/\s+/g, ' ')
    .slice(0, 400)
    .trim();
}
