import { DriverError } from '../errors.ts';
import { runTool, type ToolResult } from '../vm/tool.ts';

/** Runs VirtualBox's own command and answers what it printed. Rejects with its error line and, as `code`, VirtualBox's own. */
export type VBoxManage = (args: readonly string[], signal: AbortSignal) => Promise<string>;

/** Converting and copying disks takes a while. */
const TIMEOUT_MS = 15 * 60_000;

/** VBoxManage as the program of that name or path. */
export function vboxManage(program: string, env: Readonly<Record<string, string | undefined>>): VBoxManage {
  return async (args, signal) => answerOf(args, await runTool(program, args, { signal, timeoutMs: TIMEOUT_MS, env }));
}

/** What a run of VBoxManage printed; throws what it refused. */
export function answerOf(args: readonly string[], { exit, stdout, stderr }: ToolResult): string {
  if (exit === 0) return stdout;
  // `VBoxManage: error: …` first; `Details: code VBOX_E_…` with it.
  const line = stderr.split('\n').find((each) => /error:/i.test(each)) ?? '';
  const code = /VBOX_E_[A-Z_]+/.exec(stderr)?.[0] ?? 'VBOXMANAGE';
  const why = line.replace(/^.*?error:\s*/i, '') || `exit code ${exit}`;
  throw new DriverError(`VBoxManage ${args.slice(0, 2).join(' ')}: ${why}`, code);
}

/** What `--machinereadable` and lists print: `key="value"` and `Key:   value` lines. */
export function readInfo(text: string): ReadonlyMap<string, string> {
  const info = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [, key, value] = /^"?([^"=:]+?)"?\s*[=:]\s*"?(.*?)"?\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) info.set(key, value);
  }
  return info;
}
