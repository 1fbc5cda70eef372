/**
 * A view: the answer to one query, read from the replica in memory. Its index is a pure function of stored rows:
 * the highest revision among the rows and tombstones that belong to it, never below its table's floor.
 */
export interface View<T> {
  /** Woken when any of these topics is published; a topic may be wider than the view, never narrower. */
  readonly topics: readonly string[];
  /** The view's newest revision, >= 1; what clients see as X-Consul-Index. */
  index(): number;
  /** Reads the current answer. Rows are shared and must not be changed. */
  read(): T;
}
