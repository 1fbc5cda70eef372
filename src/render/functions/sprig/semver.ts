/** sprig's semver and semverCompare. */
import { compareVersions, formatVersion, parseVersion, satisfies } from '../../../lib/semver.ts';
import type { Version } from '../../../lib/semver.ts';
import { defineFunction, defineStruct } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';
import type { StructType } from '../../../template/types.ts';
import { Struct, uint64 } from '../../../template/values.ts';
import type { Value } from '../../../template/values.ts';

const version: StructType = defineStruct<Version>({
  name: 'semver.Version',
  fields: {},
  text: formatVersion,
  methods: {
    Major: { params: [], result: 'uint64', call: (v) => uint64(v.major) },
    Minor: { params: [], result: 'uint64', call: (v) => uint64(v.minor) },
    Patch: { params: [], result: 'uint64', call: (v) => uint64(v.patch) },
    Prerelease: { params: [], result: 'string', call: (v) => v.prerelease },
    Metadata: { params: [], result: 'string', call: (v) => v.metadata },
    Original: { params: [], result: 'string', call: (v) => v.original },
    String: { params: [], result: 'string', call: (v) => formatVersion(v) },
    Compare: {
      params: ['any'],
      result: 'int',
      call: (v, other: Value) => compareVersions(v, versionOf(other)),
    },
    Equal: { params: ['any'], result: 'bool', call: (v, o: Value) => compareVersions(v, versionOf(o)) === 0 },
    GreaterThan: {
      params: ['any'],
      result: 'bool',
      call: (v, o: Value) => compareVersions(v, versionOf(o)) > 0,
    },
    LessThan: {
      params: ['any'],
      result: 'bool',
      call: (v, o: Value) => compareVersions(v, versionOf(o)) < 0,
    },
    IncPatch: { params: [], result: 'any', call: (v) => byValue(nextPatch(v)) },
    IncMinor: {
      params: [],
      result: 'any',
      call: (v) => byValue(next({ ...v, minor: v.minor + 1n, patch: 0n })),
    },
    IncMajor: {
      params: [],
      result: 'any',
      call: (v) => byValue(next({ ...v, major: v.major + 1n, minor: 0n, patch: 0n })),
    },
  },
});

export const semverFunctions: readonly GoFunction[] = [
  defineFunction(
    'semver',
    { params: ['string'], result: version.pointer },
    (text) => new Struct(version, source(parseVersion(text))),
  ),
  defineFunction('semverCompare', { params: ['string', 'string'], result: 'bool' }, satisfies),
];

/** It writes itself as its text. */
function source(value: Version): Version {
  return Object.assign(Object.create({ toJSON: () => formatVersion(value) }) as object, value);
}

function versionOf(value: Value): Version {
  if (value instanceof Struct && value.type === version && !value.isNil) return value.source as Version;
  throw new Error('wrong type for value; expected *semver.Version');
}

function byValue(value: Version): Struct {
  return new Struct(version, source(value), false);
}

// The release of a pre-release is its next patch.
function nextPatch(v: Version): Version {
  return next(v.prerelease === '' ? { ...v, patch: v.patch + 1n } : v);
}

function next(v: Version): Version {
  const bare = { ...v, prerelease: '', metadata: '' };
  return { ...bare, original: (v.original.startsWith('v') ? 'v' : '') + formatVersion(bare) };
}
