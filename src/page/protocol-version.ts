import type { ApiRoot, PageProtocolVersion, TokenHeader } from './protocol.ts';

/** Grows when pages and managers of different versions would misunderstand each other. */
export const PROTOCOL: PageProtocolVersion = 1;

export const API_ROOT: ApiRoot = '/api/v1/';

/** In the spelling of Node's headers. */
export const TOKEN_HEADER = 'X-Enxame-Token'.toLowerCase() as Lowercase<TokenHeader>;
