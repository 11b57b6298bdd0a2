/** Drivers fail with this one. */
export { DriverError } from '../common/errors.ts';
