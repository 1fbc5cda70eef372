/**
 * Which folder of src/ may import which other (lib is open to all). Total: a folder that is missing here fails the test.
 * The table is DESIGN's and is acyclic; a new arrow needs a decision record.
 */
export const importTable: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['cli'],
  cli: ['agent', 'cluster', 'config', 'registrar', 'render', 'template', 'store', 'docker', 'model', 'sdk'],
  agent: [
    'catalog',
    'cluster',
    'config',
    'dns',
    'docker',
    'health',
    'http',
    'kv',
    'model',
    'registrar',
    'registry',
    'render',
    'sdk',
    'store',
    'template',
    'watch',
  ],
  config: ['model'],
  http: ['catalog', 'cluster', 'kv', 'registry', 'watch', 'model', 'sdk'],
  cluster: ['catalog', 'kv', 'store', 'watch', 'model'],
  dns: ['catalog', 'watch', 'model'],
  render: ['template', 'model', 'sdk'],
  template: [],
  registrar: ['docker', 'model', 'sdk'],
  docker: [],
  registry: ['catalog', 'health', 'model'],
  health: ['model'],
  kv: ['catalog', 'store', 'watch', 'model'],
  catalog: ['store', 'watch', 'model'],
  watch: ['store'],
  store: [],
  model: [],
  lib: [],
};

export interface Import {
  readonly from: string;
  readonly to: string;
}

/** `src/dns/x.ts` and what it imports -> the arrows between folders that the table does not allow. */
export function forbiddenImports(imports: readonly Import[]): readonly string[] {
  return imports.flatMap(({ from, to }) => {
    const [source, target] = [folderOf(from), folderOf(to)];
    const allowed = importTable[source];
    if (allowed === undefined) return [`${from}: folder ${source} is not in the table`];
    if (target === source || target === 'lib' || allowed.includes(target)) return [];
    return [`${from}: ${source} may not import ${target} (${to})`];
  });
}

/** Relative and workspace imports of one file's text, as paths below src/ (or `sdk`). */
export function importsOf(file: string, text: string): readonly Import[] {
  const found: Import[] = [];
  for (const match of text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*'([^']+)'|\bimport\('([^']+)'\)|(?:^|\n)import\s*'([^']+)'/g,
  )) {
    const specifier = match[1] ?? match[2] ?? match[3] ?? '';
    if (specifier.startsWith('@portolan/sdk')) found.push({ from: file, to: 'sdk' });
    if (specifier.startsWith('.'))
      found.push({ from: file, to: new URL(specifier, `file:///${file}`).pathname.slice(1) });
  }
  return found;
}

function folderOf(path: string): string {
  const parts = path.replace(/^src\//, '').split('/');
  return parts[0] ?? path;
}

/** A cycle in the table as a list of folders, or undefined. */
export function findCycle(table: Readonly<Record<string, readonly string[]>>): readonly string[] | undefined {
  const done = new Set<string>();
  const visit = (folder: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(folder)) return [...path, folder];
    if (done.has(folder)) return undefined;
    for (const next of table[folder] ?? []) {
      const cycle = visit(next, [...path, folder]);
      if (cycle !== undefined) return cycle;
    }
    done.add(folder);
    return undefined;
  };
  for (const folder of Object.keys(table)) {
    const cycle = visit(folder, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
