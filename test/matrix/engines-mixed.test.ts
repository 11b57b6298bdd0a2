import { everyClient } from './every-client.ts';
import { MIXED } from './swarm.ts';

everyClient(MIXED);
