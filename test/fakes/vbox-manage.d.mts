/** Runs one command on the state in `folder`; answers what the program would exit with and print. */
export function vboxManage(
  folder: string,
  command: readonly string[],
): { readonly exit: number; readonly stdout: string; readonly stderr: string };
