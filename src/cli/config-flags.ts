/** Flags that are keys of a configuration, and options that may be given several times. */
import type { Command } from 'commander';
import type { ConfigFlag, FlagValues } from '../config/flag-tree.ts';

/** Adds an option for each flag. */
export function addConfigFlags(command: Command, flags: readonly ConfigFlag[]): void {
  for (const { name, type, help } of flags) {
    if (type === 'boolean') command.option(`--${name}`, help);
    else if (type === 'value') command.option(`--${name} <value>`, help);
    else command.option(`--${name} <value>`, `${help}; may be given several times`, collect);
  }
}

/** Those that were given, of what commander read. */
export function givenFlags(
  options: Readonly<Record<string, unknown>>,
  flags: readonly ConfigFlag[],
): FlagValues {
  const values: Record<string, FlagValues[string]> = {};
  for (const { name } of flags) {
    const value = options[attribute(name)];
    if (value !== undefined) values[name] = value as FlagValues[string];
  }
  return values;
}

/** commander's name for an option: `http-port` -> `httpPort`. */
export function attribute(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** For commander: the values of an option that may be given several times. */
export function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}
