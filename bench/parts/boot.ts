import { setTimeout as sleep } from 'node:timers/promises';
import type { BootCommand, BootReading } from '../floor/boot.ts';
import { medianOf } from '../measure/percentiles.ts';
import { paced } from '../options.ts';
import { BenchChild } from '../process/child.ts';
import type { Fact } from '../report/result.ts';
import type { Session } from '../session.ts';
import { type Findings, megabytes } from './part.ts';
import { untilAtRest } from './rest.ts';

const RUNS = 3;
const SETTLE_MS = 2000;

/** From the start of the manager's process until it shows every node as healthy; the median of three. */
export async function bootPart(session: Session): Promise<Findings> {
  const lists = await readAll(session, false);
  const inspects = await readAll(session, true);
  const facts: Fact[] = [
    { name: 'floor: info and list of every node, CPU', value: lists.cpuMs / 1000, unit: 's' },
    { name: 'floor: the same with every inspect, CPU', value: inspects.cpuMs / 1000, unit: 's' },
  ];
  if (!session.hasManager) return { facts };
  const wall: number[] = [];
  const cpu: number[] = [];
  const memory: number[] = [];
  const whole: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const manager = await session.startManager();
    if (manager === undefined) break;
    await sleep(paced(session.options, SETTLE_MS));
    wall.push(manager.bootMs / 1000);
    cpu.push(manager.bootCpuMs / 1000);
    memory.push(megabytes(manager.meter.memory().resident));
    await untilAtRest(session, manager.meter);
    whole.push(manager.meter.cpuMs() / 1000);
    await manager.process.close();
  }
  const remark = `median of ${RUNS}; process start included`;
  facts.push(
    { name: 'CPU until all healthy', value: medianOf(cpu), unit: 's', floor: lists.cpuMs / 1000, remark },
    { name: 'time until all healthy', value: medianOf(wall), unit: 's', floor: lists.wallMs / 1000, remark },
    {
      name: 'CPU until at rest',
      value: medianOf(whole),
      unit: 's',
      floor: inspects.cpuMs / 1000,
      remark: 'with what is done in the background: every reservation is known',
    },
    { name: 'memory after boot', value: medianOf(memory), unit: 'MB' },
  );
  return { facts };
}

async function readAll(session: Session, inspects: boolean): Promise<BootReading> {
  await using reader = new BenchChild<BootCommand>(new URL('../floor/boot.js', import.meta.url));
  const tls = session.tls?.material;
  const { addresses } = session.fleet;
  return await reader.call<BootReading>({ kind: 'read', addresses, inspects, ...(tls === undefined ? {} : { tls }) });
}
