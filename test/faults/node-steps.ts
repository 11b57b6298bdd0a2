import { type ExpectedNode, ROUND_LABEL } from './oracle.ts';
import { pick, type Scene } from './scene.ts';

/** Whether a node takes containers for sure, as far as operators said. */
export function isActive({ availability }: ExpectedNode): boolean {
  return availability.size === 1 && availability.has('active');
}

export function drain(scene: Scene): Promise<string> {
  return choose(scene, pick(scene.oracle.nodes, scene.random), { availability: 'drain' });
}

export function activate(scene: Scene): Promise<string> {
  const others = scene.oracle.nodes.filter((node) => !isActive(node));
  return choose(scene, pick(others, scene.random), { availability: 'active' });
}

/** Gives a node another value of its label. */
export function label(scene: Scene): Promise<string> {
  return choose(scene, pick(scene.oracle.nodes, scene.random), { round: String(scene.random.integer(1_000)) });
}

/** `docker node update`: reads the node, changes what it says, and sends it back. */
async function choose(
  { world, oracle }: Scene,
  node: ExpectedNode,
  choice: { readonly availability?: string; readonly round?: string },
): Promise<string> {
  const { value } = await world.nodes();
  const found = value?.find(({ Description }) => Description.Hostname === node.name);
  if (!found) return `${node.name} is not listed`;
  const { ID, Version, Spec } = found;
  const { availability = Spec.Availability, round = Spec.Labels[ROUND_LABEL] ?? '' } = choice;
  const labels = { ...Spec.Labels, ...(round !== '' && { [ROUND_LABEL]: round }) };
  const path = `/nodes/${ID}/update?version=${Version.Index}`;
  const outcome = await world.call('POST', path, { ...Spec, Availability: availability, Labels: labels });
  oracle.chosen(node, { availability, round }, outcome);
  return `${node.name} ${availability} in round ${round} ${outcome.status ?? outcome.said}`;
}
