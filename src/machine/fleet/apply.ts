import type { Task } from '../../provision/provisioner.ts';
import { createMachine } from '../create.ts';
import { type MachineDeps, openByName } from '../machine.ts';
import { changePower, provisionAgain, removeMachine } from '../power.ts';
import { joinSwarm } from '../swarm/join.ts';
import { rejoinSwarm } from '../swarm/rejoin.ts';
import type { PlanItem } from './plan.ts';

/** Does what the plan says about one machine. Safe to run again after a failure. */
export async function applyItem(item: PlanItem, context: MachineDeps, task: Task): Promise<void> {
  switch (item.action) {
    case 'create':
    case 'resume':
      return await create(item, context, task);
    case 'replace':
      await remove(item.request.name, context, task);
      return await create(item, context, task);
    case 'update':
      return await update(item, context, task);
    case 'start':
      return await start(item.name, context, task);
    case 'remove':
      return await remove(item.name, context, task);
    case 'keep':
      return;
  }
}

type WithRequest = Extract<PlanItem, { readonly request: unknown }>;

async function create({ request }: WithRequest, context: MachineDeps, task: Task): Promise<void> {
  await createMachine(
    request,
    { ...context, runSwarm: (machine, provisioner, each) => joinSwarm(machine, provisioner, context, each) },
    task,
  );
}

async function update({ request }: WithRequest, context: MachineDeps, task: Task): Promise<void> {
  const { name, engine, swarm } = request;
  const lock = await context.store.lock(name, 'up', task.signal);
  const machine = await openByName(name, context, task);
  try {
    await machine.stored.update((old) => ({ ...old, engine, swarm }));
    await provisionAgain(machine, context, task);
    await rejoinSwarm(machine, context, task);
  } finally {
    await machine.close();
    await lock.close();
  }
}

async function start(name: string, context: MachineDeps, task: Task): Promise<void> {
  const lock = await context.store.lock(name, 'up', task.signal);
  const machine = await openByName(name, context, task);
  try {
    await changePower(machine, 'start', context, task);
  } finally {
    await machine.close();
    await lock.close();
  }
}

async function remove(name: string, context: MachineDeps, task: Task): Promise<void> {
  task.report('removing');
  await removeMachine(name, context, () => openByName(name, context, task), false, task);
}
