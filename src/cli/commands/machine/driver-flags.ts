import { Command, Option } from 'commander';
import type { DriverModule } from '../../../drivers/driver.ts';
import type { DriverOption, OptionValue, OptionValues } from '../../../drivers/options.ts';
import { collect } from './surroundings.ts';

/** Reads the words that the first parse did not know, in their order: the driver's flags and the names. */
export function driverValues(
  words: readonly string[],
  driver: DriverModule,
): { names: readonly string[]; options: OptionValues } {
  const parser = new Command('create').helpOption(false).exitOverride().argument('[name...]');
  parser.configureOutput({ writeErr: () => undefined, outputError: () => undefined });
  addDriverFlags(parser, driver);
  parser.parse([...words], { from: 'user' });
  const raw = parser.opts<Record<string, OptionValue | undefined>>();
  const options = driver.options.map(({ flag }) => [flag, raw[attribute(flag)]] as const);
  return { names: parser.args, options: Object.fromEntries(options.filter(([, value]) => value !== undefined)) };
}

/** Adds a driver's options as flags; defaults and the environment are looked at later, where fleet files need them too. */
export function addDriverFlags(command: Command, driver: DriverModule): void {
  for (const option of driver.options) {
    const value = option.type === 'boolean' ? '' : ' <value>';
    const flag = new Option(`--${option.flag}${value}`, helpOf(option)).helpGroup(`Driver ${driver.name}:`);
    if (option.type === 'strings') flag.argParser(collect);
    command.addOption(flag);
  }
}

function helpOf(option: DriverOption): string {
  const env = option.env?.map((name) => `$${name}`).join(', ');
  const notes = [
    option.isRequired ? 'required' : undefined,
    option.choices === undefined ? undefined : option.choices.join(', '),
    env,
    option.default === undefined || option.default === '' ? undefined : `default: ${option.default}`,
    option.type === 'strings' ? 'may be repeated' : undefined,
  ].filter((note) => note !== undefined);
  return notes.length === 0 ? option.help : `${option.help} (${notes.join('; ')})`;
}

/** As commander names the values of flags: `local-network` is `localNetwork`. */
function attribute(flag: string): string {
  return flag.replace(/-+([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}
