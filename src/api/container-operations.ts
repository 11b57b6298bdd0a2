import { BadRequestError } from '../common/errors.ts';
import type { ContainerOperation, OperationCall, Removal, Renaming } from '../lifecycle/operations.ts';
import { readBody } from './body.ts';
import { UPDATE_BODY } from './body-shapes.ts';
import { type Call, param } from './call.ts';
import { readCanonical } from './canonical-body.ts';
import { flag } from './query-flag.ts';

/** What an engine is sent as the client sent it. */
type EngineInput = Pick<ContainerOperation, 'search' | 'body'>;

export async function readOperation(call: Call, kind: ContainerOperation['kind']): Promise<ContainerOperation> {
  if (kind === 'update') return { kind, search: call.search, body: await updateBody(call) };
  const input = await engineInput(call);
  return kind === 'kill' ? { ...input, kind, signal: signalOf(call.query.get('signal')) } : { ...input, kind };
}

/** Recorded as well as passed on: what we read is what the engine reads. */
async function updateBody(call: Call): Promise<Buffer | undefined> {
  const { text } = await readCanonical(call, UPDATE_BODY);
  return text === '' ? undefined : Buffer.from(text);
}

/** Throws 400 without a name. */
export async function readRenaming(call: Call): Promise<Renaming> {
  const name = call.query.get('name') ?? '';
  if (name === '')
    throw new BadRequestError('rename a container: the new name is missing. Give it as ?name=…', 'NO_NAME');
  return { ...(await engineInput(call)), name: name.replace(/^\//, '') };
}

export async function readRemoval(call: Call): Promise<Removal> {
  const input = await engineInput(call);
  return flag(call.query, 'link')
    ? { ...input, isForced: false, link: param(call, 'id') }
    : { ...input, isForced: flag(call.query, 'force') };
}

/** The part of a call that no operation keeps. */
export function operationCall({ api, signal }: Call): OperationCall {
  return { api, signal };
}

async function engineInput(call: Call): Promise<EngineInput> {
  const body = await readBody(call);
  return { search: call.search, body: body.length > 0 ? body : undefined };
}

/** Engines kill when no signal is named (moby `daemon/kill.go`). */
function signalOf(text: string | null): string {
  const name = (text ?? '').toUpperCase();
  return ['', 'KILL', 'SIGKILL', '9'].includes(name) ? 'KILL' : name.replace(/^SIG/, '');
}
