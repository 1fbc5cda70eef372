/** What a child process sees of this one's environment. */

/** Names are globs: `*` stands for any characters, `?` for one. */
export interface EnvironmentRules {
  /** Nothing is inherited. */
  readonly pristine: boolean;
  /** `NAME=value`; beats everything else. */
  readonly custom: readonly string[];
  /** Empty: all names are inherited. */
  readonly allowlist: readonly string[];
  readonly denylist: readonly string[];
}

export const inheritEverything: EnvironmentRules = {
  pristine: false,
  custom: [],
  allowlist: [],
  denylist: [],
};

type Environment = Readonly<Record<string, string | undefined>>;

/** The parent's variables that pass the lists, then `extra`, then the rules' own. */
export function childEnvironment(
  parent: Environment,
  extra: Environment,
  rules: EnvironmentRules,
): Record<string, string | undefined> {
  const inherited = rules.pristine ? [] : Object.entries(parent).filter(([name]) => passes(name, rules));
  const custom = rules.custom.map((text): [string, string] => {
    const equals = text.indexOf('=');
    return [text.slice(0, equals), text.slice(equals + 1)];
  });
  return Object.fromEntries([...inherited, ...Object.entries(extra), ...custom]);
}

function passes(name: string, { allowlist, denylist }: EnvironmentRules): boolean {
  if (denylist.some((glob) => matchesGlob(glob, name))) return false;
  return allowlist.length === 0 || allowlist.some((glob) => matchesGlob(glob, name));
}

function matchesGlob(glob: string, text: string): boolean {
  const pattern = glob
    .replace(/[\\^$.+()[\]{}|]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`, 's').test(text);
}
