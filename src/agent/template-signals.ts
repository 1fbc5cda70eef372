/**
 * Signals that go to a supervised child when this process gets them and has no use for them itself. Those of a fault of
 * this very process (SIGSEGV …), those that can't be caught, and SIGPIPE, which sockets would raise, are not among them.
 */
export const forwardedSignals: readonly NodeJS.Signals[] = [
  'SIGABRT',
  'SIGALRM',
  'SIGCONT',
  'SIGHUP',
  'SIGINT',
  'SIGIO',
  'SIGPROF',
  'SIGQUIT',
  'SIGTERM',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGUSR1',
  'SIGUSR2',
  'SIGVTALRM',
  'SIGWINCH',
  'SIGXCPU',
  'SIGXFSZ',
];
