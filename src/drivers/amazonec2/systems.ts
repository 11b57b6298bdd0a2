/** Where official images of a system are found. */
interface System {
  /** Account that publishes them. */
  readonly owner: string;
  /** Name pattern by processor; the newest match counts. */
  readonly pattern: (processor: string) => string;
  readonly user: string;
}

const DEBIAN = '136693071363';
const CANONICAL = '099720109477';

/**
 * Systems by name. Sources: wiki.debian.org/Cloud/AmazonEC2Image for Debian, documentation.ubuntu.com/aws ("find ubuntu images") for
 * Ubuntu.
 */
export const SYSTEMS: Readonly<Record<string, System>> = {
  'debian-12': debian(12),
  'debian-13': debian(13),
  'ubuntu-22.04': ubuntu('hvm-ssd/ubuntu-jammy-22.04'),
  'ubuntu-24.04': ubuntu('hvm-ssd-gp3/ubuntu-noble-24.04'),
};

/** Values of `--amazonec2-image`. */
export const IMAGE_NAMES: readonly string[] = Object.keys(SYSTEMS);

/** SSH user of a system's official images; docker-machine's `ubuntu` for images of one's own. */
export function userOf(system: string, ami: string | undefined): string {
  return ami === undefined ? (SYSTEMS[system]?.user ?? 'ubuntu') : 'ubuntu';
}

function debian(version: number): System {
  return {
    owner: DEBIAN,
    pattern: (processor) => `debian-${version}-${processor === 'arm64' ? 'arm64' : 'amd64'}-*`,
    user: 'admin',
  };
}

function ubuntu(release: string): System {
  return {
    owner: CANONICAL,
    pattern: (processor) => `ubuntu/images/${release}-${processor === 'arm64' ? 'arm64' : 'amd64'}-server-*`,
    user: 'ubuntu',
  };
}
