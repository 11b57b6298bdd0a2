import type { Provisioner, Task } from '../provision/provisioner.ts';
import { type Machine, type MachineDeps, openMachine, provisionerOf } from './machine.ts';

/** Works on another machine of the store than the one that a command is about. */
export async function onAnother<T>(
  name: string,
  context: MachineDeps,
  work: (machine: Machine, provisioner: Provisioner | undefined) => Promise<T>,
): Promise<T> {
  const machine = await openMachine(await context.store.load(name), context);
  try {
    return await work(machine, await provisionerOf(machine));
  } finally {
    await machine.close();
  }
}

/** What is reported of it has its name in front. */
export function about(name: string, task: Task): Task {
  return { signal: task.signal, report: (text) => task.report(`${name}: ${text}`) };
}
