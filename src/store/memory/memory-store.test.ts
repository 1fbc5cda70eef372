import { ManualClock } from '../../lib/clock.testkit.ts';
import { storeConformance } from '../conformance.testkit.ts';
import { MemoryStore } from './memory-store.ts';

const noData = 'a memory store has no data to open again';

storeConformance(
  'memory',
  async () => {
    const clock = new ManualClock();
    const store = new MemoryStore({}, { clock });
    return { store, ring: 10_000, advance: (ms) => clock.advance(ms), dispose: () => store.close() };
  },
  {
    skip: {
      'commit: revisions are never given twice, also after a reopening': noData,
      'commit: what was acknowledged is there after a reopening, with its revisions': noData,
      'commit: what was acknowledged is there after a crash, and no revision is given twice': noData,
      'follow: from before a reopening is compacted, from the barrier after it is not': noData,
      'lease: outlives a reopening with its full time, and its keys vanish afterwards': noData,
      'lease: after a reopening it is still known by its id': noData,
    },
  },
);
