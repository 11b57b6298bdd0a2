import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTool } from '../vm/tool.ts';
import { type Accelerator, machineArguments } from './command.ts';

/** A disk whose first sector writes 0x2a to port 0xf4, where a device ends QEMU with exit code 0x2a * 2 + 1. */
const BOOT_CODE = Buffer.from([0xba, 0xf4, 0x00, 0xb0, 0x2a, 0xee, 0xf4]);
const EXIT_CODE = 85;
/** Firmware and one sector take a fraction of a second; an emulated hypervisor may take for ever. */
const PROBE_MS = 10_000;

/**
 * The fastest accelerator that really works here. A device file or a loaded module says little (nested and restricted hypervisors
 * have both): a tiny disk must boot, with the very processor the machine will have, in a bounded time.
 */
export async function workingAccelerator(program: string, signal: AbortSignal): Promise<Accelerator> {
  const candidate = process.platform === 'darwin' ? 'hvf' : 'kvm';
  if (candidate === 'kvm' && !existsSync('/dev/kvm')) return 'tcg';
  // The probe's code is for PCs; elsewhere the hypervisor of the system is believed.
  if (process.arch !== 'x64') return candidate;
  return (await boots(program, candidate, signal)) ? candidate : 'tcg';
}

async function boots(program: string, accelerator: Accelerator, signal: AbortSignal): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'enxame-probe-'));
  try {
    const disk = Buffer.alloc(64 * 1024);
    BOOT_CODE.copy(disk);
    disk.writeUInt16LE(0xaa55, 510);
    await writeFile(join(folder, 'disk'), disk);
    const devices = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-drive', 'file=disk,format=raw,if=virtio'];
    const args = ['-nodefaults', '-no-user-config', '-display', 'none', '-m', '128', ...machineArguments(accelerator)];
    const { exit } = await runTool(program, [...args, ...devices], { signal, cwd: folder, timeoutMs: PROBE_MS });
    return exit === EXIT_CODE;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
