/** Whether two answers say the same. They are trees of plain data: several times as fast as a comparison that knows everything. */
export function isEqualData(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && isEqualList(a, b);
  return !Array.isArray(b) && isEqualRecord(a as Tree, b as Tree);
}

type Tree = Readonly<Record<string, unknown>>;

function isEqualList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!isEqualData(a[i], b[i])) return false;
  return true;
}

function isEqualRecord(a: Tree, b: Tree): boolean {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) if (!Object.hasOwn(b, key) || !isEqualData(a[key], b[key])) return false;
  return true;
}
