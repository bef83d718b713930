// What the slow forms of tests by chance are told from outside.
//
// DROVER_RANDOM_SEED: a seed as a failure tells it, or `clock` for other graphs.
// DROVER_RANDOM_GRAPHS: how many.

/** For as many graphs as anybody may ask for. */
export const TEST_MS_MAX = 1_800_000

/** The seed, and how many graphs, unless the environment says others. */
export function settingsOr(
  { DROVER_RANDOM_SEED: given, DROVER_RANDOM_GRAPHS: wanted }: NodeJS.ProcessEnv,
  [seed, graphs]: readonly [seed: number, graphs: number],
): { seed: number; graphs: number } {
  return {
    seed: given === 'clock' ? Date.now() % 2 ** 31 : Number(given ?? seed),
    graphs: Number(wanted ?? graphs),
  }
}
