/** Vectors that do not pass yet, each with the functions that it waits for. */
export const pendingVectors: Readonly<Record<string, string>> = {
  sockaddr: 'sockaddr',
  'spew-sdump': 'spew functions',
  'spew-sprintf': 'spew functions',
};
