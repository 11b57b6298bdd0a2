import { DriverError } from '../common/errors.ts';
import type { HostFacts } from './facts.ts';
import { familyOf } from './os/families.ts';
import type { OsFamily } from './os/family.ts';
import { quoted } from './remote.ts';
import type { Step } from './step.ts';

/** Downloads, unpacks and configures some 300 MB, on a small machine far away. */
const INSTALL_TIMEOUT_MS = 20 * 60_000;
/** What an engine and its first image need. */
const NEEDED_BYTES = 800e6;

/** What a new machine still does to itself at its first start would come in between. */
export const firstStart: Step = {
  title: 'waiting for the first start to end',
  script: `if command -v cloud-init >/dev/null && [ -d /run/cloud-init ]; then
  case "$(cloud-init status 2>/dev/null)" in
  *running* | *'not run'* | *'not started'*)
    say 'waiting for cloud-init to end'
    timeout 600 cloud-init status --wait >/dev/null 2>&1 || : ;;
  esac
fi
`,
  timeoutMs: 11 * 60_000,
};

/** Installs the engine where there is none: from `installUrl` (a script like Docker's) or the distribution. */
export function installEngine(facts: HostFacts, host: string, installUrl: string | undefined): Step {
  if (facts.freeBytes < NEEDED_BYTES)
    throw new DriverError(
      `the disk of ${host} is full: ${Math.floor(facts.freeBytes / 1e6)} MB are free below /var and an engine needs ${NEEDED_BYTES / 1e6} MB. Make room, then provision again`,
      'DISK_FULL',
    );
  const family = familyOf(facts.os, host);
  const script = installUrl === undefined ? family.engine(facts.os) : fromScript(installUrl);
  return step('installing the engine', family, script);
}

/** Brings the packages of the engine that is there up to date, from wherever they came. */
export function renewEngine(facts: HostFacts, host: string): Step {
  const family = familyOf(facts.os, host);
  const script = `for program in dockerd docker containerd; do
  path=$(command -v $program || :)
  [ -z "$path" ] || renew "$(readlink -f "$path")"
done
`;
  return step('upgrading the engine', family, script);
}

function step(title: string, family: OsFamily, script: string): Step {
  return { title, script: `${family.functions}${script}`, timeoutMs: INSTALL_TIMEOUT_MS };
}

function fromScript(url: string): string {
  return `command -v curl >/dev/null || command -v wget >/dev/null || install curl ca-certificates
script=$(mktemp)
if command -v curl >/dev/null; then curl -fsSL --retry 3 ${quoted(url)} -o "$script"; else wget -qO "$script" ${quoted(url)}; fi
patient sh "$script"
rm -f "$script"
command -v dockerd >/dev/null || { echo "the script did not install dockerd"; exit 1; }
`;
}
