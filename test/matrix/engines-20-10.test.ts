import { everyClient } from './every-client.ts';

everyClient(['20.10', '20.10', '20.10']);
