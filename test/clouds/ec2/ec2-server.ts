import { type CloudAnswer, type CloudRequest, type HttpCloud, startHttpCloud } from '../http-cloud.ts';
import { ACTIONS } from './ec2-actions.ts';
import { Ec2Failure } from './ec2-failure.ts';
import { Ec2State, type Pace } from './ec2-state.ts';
import { Query, toXml, type Xml } from './query.ts';
import { signatureProblem } from './signature.ts';

export const ACCESS_KEY = 'AKIDENXAMETEST';
export const SECRET_KEY = 'a secret/of+tests';

/** An EC2 of one account: its API over HTTP, every request's signature checked. */
export interface Ec2Server extends HttpCloud {
  readonly state: Ec2State;
  /** The next `count` requests of that action fail so. */
  fail(action: string, failure: Ec2Failure, count: number): void;
  /** Names of the actions asked for, in order. */
  actions(): readonly string[];
}

export async function startEc2(pace: Pace = { visibleMs: 0, stepMs: 0 }): Promise<Ec2Server> {
  const state = new Ec2State(pace);
  const failures = new Map<string, { readonly failure: Ec2Failure; left: number }>();
  const perform = (request: CloudRequest): Xml => {
    const problem = signatureProblem(request, { [ACCESS_KEY]: SECRET_KEY });
    if (problem !== undefined)
      throw new Ec2Failure(
        'AuthFailure',
        `AWS was not able to validate the provided access credentials: ${problem}`,
        401,
      );
    const action = actionOf(request);
    const planned = failures.get(action);
    if (planned !== undefined && planned.left-- > 0) throw planned.failure;
    const answer = ACTIONS[action];
    if (answer === undefined)
      throw new Ec2Failure('InvalidAction', `The action ${action} is not valid for this web service.`);
    return answer(state, Query.parse(request.body));
  };
  const cloud = await startHttpCloud({
    answer: (request) => {
      try {
        return xmlAnswer(200, `${actionOf(request)}Response`, perform(request));
      } catch (error) {
        if (error instanceof Ec2Failure) return failed(error);
        throw error;
      }
    },
    isChange: (request) => !/^Describe/.test(actionOf(request)) && Query.parse(request.body).text('DryRun') !== 'true',
    refusal: (request) =>
      failed(
        new Ec2Failure(
          'UnauthorizedOperation',
          `You are not authorized to perform this operation: ${actionOf(request)}. Encoded authorization failure message: xyz`,
          403,
        ),
      ),
    throttled: () => failed(new Ec2Failure('RequestLimitExceeded', 'Request limit exceeded.', 503)),
  });
  return {
    ...cloud,
    state,
    fail: (action, failure, count) => {
      failures.set(action, { failure, left: count });
    },
    actions: () => cloud.requests.map(actionOf),
  };
}

function actionOf({ body }: CloudRequest): string {
  return new URLSearchParams(body).get('Action') ?? '';
}

function failed({ code, message, status }: Ec2Failure): CloudAnswer {
  return xmlAnswer(status, 'Response', { Errors: { Error: { Code: code, Message: message } }, RequestID: 'request-1' });
}

function xmlAnswer(status: number, name: string, content: Xml): CloudAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${toXml(content)}</${name}>`;
  return { status, headers: { 'content-type': 'text/xml;charset=UTF-8' }, body };
}
