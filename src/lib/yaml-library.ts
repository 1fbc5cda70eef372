import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

/** The package `yaml`, loaded when it is first asked for: it takes 8 MB of memory, and few processes read any YAML. */
export function yamlLibrary(): typeof import('yaml') {
  return load('yaml') as typeof import('yaml');
}
