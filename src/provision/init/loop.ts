/** A shell that keeps a program running, and ends it politely when it is itself told to end. */
export function loop(command: string): string {
  return `#!/bin/sh
# Written by enxame, which replaces it.
trap 'kill $pid; wait $pid; exit 0' TERM INT
while :; do
  ${command} &
  pid=$!
  wait $pid
  sleep 1
done
`;
}
