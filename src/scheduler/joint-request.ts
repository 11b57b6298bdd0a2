import type { Expression } from './expression.ts';
import type { PlacementRequest } from './types.ts';

/**
 * One request for containers that must share a node: what they reserve and the ports they bind are asked for together, and the node
 * must be right for each.
 *
 * @param isMember whether a reference means one of them: what binds them to each other is not asked
 * @param replaces their IDs, where they are placed anew
 */
export function jointRequest(
  [first, ...others]: readonly [PlacementRequest, ...PlacementRequest[]],
  isMember: (reference: string) => boolean,
  replaces: ReadonlySet<string>,
): PlacementRequest {
  const all = [first, ...others];
  return {
    ...freed(first, isMember),
    memoryBytes: sum(all.map(({ memoryBytes }) => memoryBytes)),
    nanoCpus: sum(all.map(({ nanoCpus }) => nanoCpus)),
    ports: all.flatMap(({ ports }) => ports),
    companions: others.map((each) => companion(freed(each, isMember), replaces)),
  };
}

/** A request without what binds it to members, who come along. */
function freed(request: PlacementRequest, isMember: (reference: string) => boolean): PlacementRequest {
  return {
    ...request,
    dependencies: request.dependencies.filter(({ container }) => !isMember(container)),
    affinities: request.affinities.filter(
      ({ key, operator, pattern }) =>
        !(key === 'container' && operator === '==' && pattern.kind === 'exact' && isMember(pattern.value)),
    ),
  };
}

/** What a member asks of the node beside resources and ports, which are asked for all together. */
function companion(request: PlacementRequest, replaces: ReadonlySet<string>): PlacementRequest {
  const isHard = ({ isSoft }: Expression): boolean => !isSoft;
  return {
    ...request,
    memoryBytes: 0,
    nanoCpus: 0,
    ports: [],
    constraints: request.constraints.filter(isHard),
    affinities: request.affinities.filter(isHard),
    replaces,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
