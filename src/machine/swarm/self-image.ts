/** `--swarm-image` when it is not given: the image made of this very program. */
export const SELF_IMAGE = 'self';
