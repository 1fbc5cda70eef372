/**
 * Semantic versions and constraints on them. Source: github.com/Masterminds/semver 3.
 * Constraints: `>=1.2 <2 || ~3.1`, `^1.2.3`, `1.x`, `1.2 - 1.4`; those without a pre-release accept none.
 */

export class SemverError extends Error {
  override readonly name = 'SemverError';
  readonly code: 'bad-version' | 'bad-constraint';
  constructor(code: 'bad-version' | 'bad-constraint', message: string) {
    super(message);
    this.code = code;
  }
}

export interface Version {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  /** '' for none. */
  readonly prerelease: string;
  readonly metadata: string;
  /** As it was written. */
  readonly original: string;
}

const suffixes = '(?:-([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?(?:\\+([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?';
const versionPattern = new RegExp(`^v?([0-9]+)(?:\\.([0-9]+))?(?:\\.([0-9]+))?${suffixes}$`);
const maxUint64 = 2n ** 64n - 1n;

/** Missing parts are 0, a leading `v` is allowed. Throws SemverError. */
export function parseVersion(text: string): Version {
  const match = versionPattern.exec(text);
  if (match === null) throw new SemverError('bad-version', 'invalid semantic version');
  const [, major, minor, patch, prerelease = '', metadata = ''] = match;
  if (prerelease.split('.').some((part) => /^0[0-9]+$/.test(part))) {
    throw new SemverError('bad-version', 'version segment starts with 0');
  }
  return {
    major: segment(major),
    minor: segment(minor),
    patch: segment(patch),
    prerelease,
    metadata,
    original: text,
  };
}

function segment(digits = '0'): bigint {
  const value = BigInt(digits);
  if (value <= maxUint64) return value;
  const cause = `strconv.ParseUint: parsing "${digits}": value out of range`;
  throw new SemverError('bad-version', `error parsing version segment: ${cause}`);
}

export function formatVersion({ major, minor, patch, prerelease, metadata }: Version): string {
  const pre = prerelease === '' ? '' : `-${prerelease}`;
  return `${major}.${minor}.${patch}${pre}${metadata === '' ? '' : `+${metadata}`}`;
}

/** Negative, zero or positive; metadata does not count. */
export function compareVersions(a: Version, b: Version): number {
  return (
    order(a.major, b.major) ||
    order(a.minor, b.minor) ||
    order(a.patch, b.patch) ||
    comparePrereleases(a.prerelease, b.prerelease)
  );
}

function order<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

// A release is above its own pre-releases.
function comparePrereleases(a: string, b: string): number {
  if (a === '' || b === '') return a === b ? 0 : a === '' ? 1 : -1;
  const x = a.split('.');
  const y = b.split('.');
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const parts = compareParts(x[i], y[i]);
    if (parts !== 0) return parts;
  }
  return 0;
}

function compareParts(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  const aIsNumber = /^[0-9]+$/.test(a);
  const bIsNumber = /^[0-9]+$/.test(b);
  if (aIsNumber && bIsNumber) return order(BigInt(a), BigInt(b));
  return aIsNumber === bIsNumber ? order(a, b) : aIsNumber ? -1 : 1;
}

type Operator = '' | '=' | '!=' | '>' | '<' | '>=' | '=>' | '<=' | '=<' | '~' | '~>' | '^';

interface Constraint {
  readonly operator: Operator;
  readonly version: Version;
  /** How much of the version was left open (`1.x`, `1`). */
  readonly open: 'nothing' | 'patch' | 'minor' | 'all';
}

const operators = '=|!=|>=|=>|<=|=<|>|<|~>|~|\\^|';
const wildcards = '[0-9xX*|]+';
const pattern = `v?(${wildcards})(?:\\.(${wildcards}))?(?:\\.(${wildcards}))?${suffixes}`;
const plainPattern = pattern.replaceAll(/\((?!\?)/g, '(?:');
const constraintPattern = new RegExp(`^\\s*(${operators})\\s*${pattern}\\s*$`);
const findPattern = new RegExp(`(?:${operators})\\s*${plainPattern}`, 'g');
const validPattern = new RegExp(
  `^(?:\\s*(?:${operators})\\s*${plainPattern}\\s*)(?:(?:\\s+|,\\s*)(?:${operators})\\s*${plainPattern}\\s*)*$`,
);
const rangePattern = new RegExp(`\\s*(${plainPattern})\\s+-\\s+(${plainPattern})\\s*`, 'g');

/** Whether a version meets a constraint. Throws SemverError; the constraint is looked at first. */
export function satisfies(constraint: string, version: string): boolean {
  const alternatives = parseConstraints(constraint);
  const parsed = parseVersion(version);
  return alternatives.some((all) => all.every((each) => meets(parsed, each)));
}

function parseConstraints(text: string): readonly (readonly Constraint[])[] {
  const rewritten = text.replace(rangePattern, (_, low: string, high: string) => `>=${low},<=${high} `);
  return rewritten.split('||').map((part) => {
    if (!validPattern.test(part)) throw improper(part);
    return Array.from(part.matchAll(findPattern), ([each]) => parseConstraint(each));
  });
}

function improper(text: string): SemverError {
  return new SemverError('bad-constraint', `improper constraint: ${text}`);
}

function parseConstraint(text: string): Constraint {
  const match = constraintPattern.exec(text);
  if (match === null) throw improper(text);
  const [, operator, major = '', minor = '', patch = '', prerelease] = match;
  const pre = prerelease === undefined ? '' : `-${prerelease}`;
  const [written, open] = isOpen(major)
    ? (['0.0.0', 'all'] as const)
    : isOpen(minor)
      ? ([`${major}.0.0`, 'minor'] as const)
      : isOpen(patch)
        ? ([`${major}.${minor}.0`, 'patch'] as const)
        : ([`${major}.${minor}.${patch}`, 'nothing'] as const);
  return { operator: operator as Operator, version: parseConstraintVersion(written + pre), open };
}

function parseConstraintVersion(text: string): Version {
  try {
    return parseVersion(text);
  } catch {
    throw new SemverError('bad-constraint', 'constraint parser error');
  }
}

function isOpen(part: string): boolean {
  return part === '' || part === 'x' || part === 'X' || part === '*';
}

function meets(version: Version, constraint: Constraint): boolean {
  const { operator, version: wanted } = constraint;
  if (operator === '!=' && constraint.open === 'nothing') return compareVersions(version, wanted) !== 0;
  if (version.prerelease !== '' && wanted.prerelease === '') return false;
  switch (operator) {
    case '':
    case '=':
      return constraint.open === 'nothing'
        ? compareVersions(version, wanted) === 0
        : meetsTilde(version, constraint);
    case '!=':
      return differs(version, constraint);
    case '>':
      return isGreater(version, constraint);
    case '<':
      return compareVersions(version, wanted) < 0;
    case '>=':
    case '=>':
      return compareVersions(version, wanted) >= 0;
    case '<=':
    case '=<':
      return isLessOrEqual(version, constraint);
    case '~':
    case '~>':
      return meetsTilde(version, constraint);
    case '^':
      return meetsCaret(version, constraint);
  }
}

function differs(version: Version, { version: wanted, open }: Constraint): boolean {
  if (version.major !== wanted.major) return true;
  if (open === 'minor') return false;
  if (version.minor !== wanted.minor) return true;
  if (open === 'patch') {
    return (
      (version.prerelease !== '' || wanted.prerelease !== '') &&
      comparePrereleases(version.prerelease, wanted.prerelease) !== 0
    );
  }
  return compareVersions(version, wanted) !== 0;
}

// `>11` means 12 or more, `>11.1` means 11.2 or more.
function isGreater(version: Version, { version: wanted, open }: Constraint): boolean {
  if (open === 'nothing' || version.major !== wanted.major) {
    return open === 'nothing' ? compareVersions(version, wanted) > 0 : version.major > wanted.major;
  }
  if (open === 'minor') return false;
  return open === 'patch' ? version.minor > wanted.minor : compareVersions(version, wanted) > 0;
}

function isLessOrEqual(version: Version, { version: wanted, open }: Constraint): boolean {
  if (open === 'nothing') return compareVersions(version, wanted) <= 0;
  if (version.major !== wanted.major) return version.major < wanted.major;
  return version.minor <= wanted.minor || open === 'minor';
}

function meetsTilde(version: Version, { version: wanted, open }: Constraint): boolean {
  if (compareVersions(version, wanted) < 0) return false;
  const isZero = wanted.major === 0n && wanted.minor === 0n && wanted.patch === 0n;
  if (isZero && (open === 'nothing' || open === 'all')) return true;
  if (version.major !== wanted.major) return false;
  return version.minor === wanted.minor || open === 'minor';
}

function meetsCaret(version: Version, { version: wanted, open }: Constraint): boolean {
  if (compareVersions(version, wanted) < 0) return false;
  if (wanted.major > 0n || open === 'minor') return version.major === wanted.major;
  if (version.major > 0n) return false;
  if (wanted.minor > 0n || open === 'patch') return version.minor === wanted.minor;
  // Below 0.1.0 only the very same patch will do; `^*` is such a constraint as well.
  return version.minor === 0n && version.patch === wanted.patch;
}
