/** The fields of `/proc/PID/stat` that we account by. */
export interface ProcStat {
  readonly pid: number;
  readonly parentPid: number;
  /** User and system time of all threads, also ended ones, in clock ticks. */
  readonly cpuTicks: number;
}

/** Reads one line of `/proc/PID/stat`; the command's name may hold spaces and brackets (proc(5)). */
export function parseProcStat(line: string): ProcStat {
  const pid = Number.parseInt(line, 10);
  // Behind the name: state, ppid, pgrp, session, tty, tpgid, flags, minflt, cminflt, majflt, cmajflt, utime, stime.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return { pid, parentPid: Number(fields[1]), cpuTicks: Number(fields[11]) + Number(fields[12]) };
}

/** `roots` and all their descendants among `processes`. */
export function treeOf(processes: readonly ProcStat[], roots: readonly number[]): ProcStat[] {
  const inTree = new Set(roots);
  // Parents usually come before their children, but pids wrap around: repeat until nothing is added.
  for (let before = -1; before !== inTree.size; ) {
    before = inTree.size;
    for (const { pid, parentPid } of processes) if (inTree.has(parentPid)) inTree.add(pid);
  }
  return processes.filter(({ pid }) => inTree.has(pid));
}

/** `VmRSS` or `VmHWM` of `/proc/PID/status`, in bytes; 0 when absent. */
export function memoryField(status: string, field: 'VmRSS' | 'VmHWM'): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status);
  return Number(match?.[1] ?? 0) * 1024;
}
