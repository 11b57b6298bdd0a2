import { everyClient } from './every-client.ts';

everyClient(['28.5', '28.5', '28.5']);
