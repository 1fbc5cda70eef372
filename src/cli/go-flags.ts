/**
 * Go programs take `-flag=value` and `-flag value`; commander takes `--flag`. This pass turns the first into the second,
 * so that Consul's and consul-template's command lines work as they are.
 */

/** What the pass must know of the options in force. */
export interface FlagNames {
  /** Long names without dashes of options that take no value; `-x=false` becomes `--no-x`. */
  readonly booleans: ReadonlySet<string>;
  /**
   * Go's own rule: the first word after so many command words that is no flag ends the flags, and all that follows is taken
   * as it is. Default: flags may stand anywhere.
   */
  readonly flagsFirstAfter?: number;
}

const trueWords = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const falseWords = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/** Throws TypeError when a boolean flag is given something else than a boolean. */
export function fromGoFlags(argv: readonly string[], names: FlagNames): string[] {
  const result: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '--') return [...result, ...argv.slice(i)];
    const match = /^--?([A-Za-z][\w-]*)(?:=([\s\S]*))?$/.exec(word);
    const isStrict = names.flagsFirstAfter !== undefined && i >= names.flagsFirstAfter;
    if (match === null && isStrict) return [...result, '--', ...argv.slice(i)];
    if (match === null) result.push(word);
    // `-h` is commander's own.
    else result.push(...(match[1]!.length === 1 ? [word] : oneFlag(match[1]!, match[2], names)));
    if (match !== null && isStrict && takesNext(match[1]!, match[2], names))
      result.push(...argv.slice(++i, i + 1));
  }
  return result;
}

function takesNext(name: string, value: string | undefined, { booleans }: FlagNames): boolean {
  return value === undefined && name !== 'h' && name !== 'help' && !booleans.has(name);
}

function oneFlag(name: string, value: string | undefined, names: FlagNames): string[] {
  // -h and -v stay short.
  if (!names.booleans.has(name)) return [value === undefined ? `--${name}` : `--${name}=${value}`];
  if (value === undefined || trueWords.has(value)) return [`--${name}`];
  if (falseWords.has(value)) return [`--no-${name}`];
  throw new TypeError(`invalid boolean value "${value}" for -${name}: use -${name}=true or -${name}=false`);
}
