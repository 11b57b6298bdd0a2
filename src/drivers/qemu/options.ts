/** The driver's options. */
export interface QemuOptions {
  readonly 'qemu-program': string;
  readonly 'qemu-memory': number;
  readonly 'qemu-cpus': number;
  readonly 'qemu-disk-size': number;
  readonly 'qemu-image': string;
  readonly 'qemu-kernel': string | undefined;
  readonly 'qemu-initrd': string | undefined;
  readonly 'qemu-append': string | undefined;
  readonly 'qemu-firmware': string | undefined;
  readonly 'qemu-accelerator': string;
  readonly 'qemu-bridge': string | undefined;
  readonly 'qemu-ip-address': string | undefined;
  readonly 'qemu-gateway': string | undefined;
  readonly 'qemu-nameserver': readonly string[];
  readonly 'qemu-ssh-user': string;
  readonly 'qemu-open-port': readonly string[];
  readonly 'qemu-stop-seconds': number;
}
