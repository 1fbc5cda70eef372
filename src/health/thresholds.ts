import type { CheckStatus } from '../model/check.ts';
import type { CheckDefinition } from '../model/registration.ts';

/** How many results of one kind came in a row. Changed in place: there is one for every check that runs. */
export interface Streak {
  successes: number;
  failures: number;
}

type Limits = Pick<
  CheckDefinition,
  'successBeforePassing' | 'failuresBeforeWarning' | 'failuresBeforeCritical'
>;

/** Both counters start at their limits, so that the very first result counts at once. */
export function startStreak(limits: Limits): Streak {
  return { successes: limits.successBeforePassing, failures: limits.failuresBeforeCritical };
}

/** Counts a result; the status to store, or undefined while no threshold is reached. Source: consul.md 2.5. */
export function countResult(streak: Streak, limits: Limits, status: CheckStatus): CheckStatus | undefined {
  if (status !== 'critical') {
    streak.successes += 1;
    streak.failures = 0;
    return streak.successes >= limits.successBeforePassing ? status : undefined;
  }
  streak.failures += 1;
  streak.successes = 0;
  if (streak.failures >= limits.failuresBeforeCritical) return 'critical';
  const warning =
    limits.failuresBeforeWarning === 0 ? limits.failuresBeforeCritical : limits.failuresBeforeWarning;
  return streak.failures >= warning ? 'warning' : undefined;
}
