/** The format that this release writes; records.ts describes it. */
export const currentFormat = 1;

/** One step from a format to the next; both get the folders that hold the data. */
export interface Migration {
  /** Writes the data of `from`, which stay as they are, into the empty folder `to`, synced. */
  migrate(from: string, to: string): Promise<void>;
  /** Throws when `to` does not hold what `from` holds. */
  verify(from: string, to: string): Promise<void>;
}

/** Formats that were released and are older than the current one. */
type OlderFormat = never;

/** From each older format to the next. Raising `currentFormat` adds the old one to OlderFormat and a step here. */
export const migrations: Readonly<Record<OlderFormat, Migration>> = {};
