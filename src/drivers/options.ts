/**
 * One option of a driver, as data: the command line, the environment, `--help`, the documentation, fleet files and the stored
 * machine are all made from it.
 */
export interface DriverOption {
  /** Flag without dashes, complete with the driver's name: `hetzner-server-type`. Its name everywhere else too. */
  readonly flag: string;
  /** `strings` may be given several times; `boolean` takes no value. */
  readonly type: 'string' | 'number' | 'boolean' | 'strings';
  /** One line for `--help`, no full stop. */
  readonly help: string;
  /** Environment variables that give the value when the flag does not; the first that is set counts. */
  readonly env?: readonly string[];
  readonly default?: string | number | readonly string[];
  /** Without a value the machine is not made. */
  readonly isRequired?: boolean;
  /** A credential: taken from flag or environment every time, never written to the store unless the person asks for it. */
  readonly isSecret?: boolean;
  /** Needed only while the machine is made and not kept: a path on this computer, whose content the driver copies. */
  readonly isTransient?: boolean;
  /** Where the machine is, which only the person knows: `regenerate-certs --address` gives another value. */
  readonly isAddress?: boolean;
  readonly choices?: readonly string[];
  /** What is wrong with a value, as the end of the sentence `--flag "value" …`; undefined when it is fine. */
  readonly problem?: (value: string | number) => string | undefined;
}

/** A value of an option. */
export type OptionValue = string | number | boolean | readonly string[];

/** Values by flag, as far as they are known. */
export type OptionValues = Readonly<Record<string, OptionValue | undefined>>;

type Plain<O extends DriverOption> = O['type'] extends 'number' ? number : string;

type ValueOf<O extends DriverOption> = O['type'] extends 'boolean'
  ? boolean
  : O['type'] extends 'strings'
    ? readonly string[]
    : O extends { readonly default: string | number } | { readonly isRequired: true }
      ? Plain<O>
      : Plain<O> | undefined;

/** The values of declared options, typed: always present for booleans, lists, defaults and required ones. */
export type ValuesOf<Options extends readonly DriverOption[]> = {
  readonly [O in Options[number] as O['flag']]: ValueOf<O>;
};
