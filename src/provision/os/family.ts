import type { OsRelease } from '../facts.ts';

/** How software gets onto one family of systems. All of it is POSIX shell, run as root, safe to run again. */
export interface OsFamily {
  /** For people: `Debian or Ubuntu`. */
  readonly title: string;
  /** IDs of os-release it is for; those a system is like count too. */
  readonly ids: readonly string[];
  /**
   * Defines the functions `install PACKAGE…` and `renew FILE`, which brings the package that owns the file up to date. They wait
   * for the package manager's lock, up to {@link LOCK_WAIT_SECONDS}.
   */
  readonly functions: string;
  /** Installs the distribution's engine and the docker command with those functions. */
  readonly engine: (os: OsRelease) => string;
  /** Packages of the mesh: what sets WireGuard up (`wg`, `ip`, `iptables`), and the program for kernels without it, where there is one. */
  readonly mesh: { readonly tools: string; readonly program?: string };
  /** Installs the distribution's etcd with those functions, and lets no service of its own run. */
  readonly etcd: string;
}

/** How long another package manager is waited for. */
export const LOCK_WAIT_SECONDS: number = 600;

/**
 * `patient COMMAND…` runs a package manager; as long as its words match `$busy` it waits, and it tries again a few times when they
 * match `$shaky` (a network that has just come up). Its output is printed only when it fails for good.
 */
export const PATIENT: string = `busy='could not get lock|unable to lock|unable to acquire the dpkg|locked by another process|is locked by'
shaky='temporary failure|could not resolve|timed out|connection failed|hash sum mismatch|failed to fetch|try again'
patient() {
  log=$(mktemp) end=$(($(date +%s) + ${LOCK_WAIT_SECONDS})) tries=0 told=
  while :; do
    code=0
    "$@" >"$log" 2>&1 </dev/null || code=$?
    [ $code != 0 ] || break
    if grep -qiE "$busy" "$log" && [ "$(date +%s)" -lt $end ]; then
      [ -n "$told" ] || say "waiting for another package manager to end"
      told=yes
    elif grep -qiE "$shaky" "$log" && [ $tries -lt 3 ]; then
      tries=$((tries + 1))
    else
      break
    fi
    sleep 2
  done
  [ $code = 0 ] || tail -n 40 "$log"
  rm -f "$log"
  return $code
}
`;
