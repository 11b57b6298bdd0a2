/**
 * What we want at 1,000 nodes with 30 containers each on two cores: CPU milliseconds of the manager per operation, or the
 * figure itself. The ratio to the floor of the same run says more than the absolute time.
 */
const TARGETS: Readonly<Record<string, number>> = {
  info: 2,
  'ps -a': 20,
  'ps by label': 1.5,
  'ps by ID': 0.2,
  'ps by name': 5,
  'inspect by ID': 0.35,
  'inspect by name': 0.35,
  'create + start': 2,
  'create + start at 300/s': 2,
  'create + start at 300/s: p99': 25,
  'CPU until all healthy': 2.5,
  'time until all healthy': 3,
  'memory after boot': 350,
  'memory at peak': 600,
  'CPU per delivered event': 10,
  'events lost': 0,
  'a node that refuses is shown after': 10,
  'a node that hangs is shown after': 10,
  'a node that drops packets is shown after': 10,
  'all containers of a lost node run elsewhere after': 60,
  '1024 MiB archive out': 650,
  '1024 MiB archive in': 650,
  '1024 MiB logs': 650,
  '1024 MiB attach': 650,
  'idle CPU': 20,
};

/** The target of an operation or a figure, if it has one. */
export function targetOf(name: string): number | undefined {
  return TARGETS[name];
}
