/** The driver's options. */
export interface VirtualBoxOptions {
  readonly 'virtualbox-program': string;
  readonly 'virtualbox-memory': number;
  readonly 'virtualbox-cpu-count': number;
  readonly 'virtualbox-disk-size': number;
  readonly 'virtualbox-image': string;
  readonly 'virtualbox-hostonly-cidr': string;
  readonly 'virtualbox-ui-type': string;
  readonly 'virtualbox-ssh-user': string;
  readonly 'virtualbox-stop-seconds': number;
}
