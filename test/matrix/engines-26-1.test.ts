import { everyClient } from './every-client.ts';

everyClient(['26.1', '26.1', '26.1']);
