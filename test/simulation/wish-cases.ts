import type { Case } from './explore.ts'

/** Like `CASES`: histories in which people ask something of a whole fleet, or a server is off for a day. */
export const WISH_CASES: readonly [string, Case][] = [
  [
    'the publisher publishes before it has pinned an undo',
    {
      cast: {
        trainers: 2,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: true,
        deeds: [],
      },
      history: [1004619],
    },
  ],
  [
    'the restarter drops an undo before a candidate holds it',
    {
      cast: {
        trainers: 1,
        publishers: 2,
        restarters: 1,
        servers: 2,
        named: true,
        settled: true,
        deeds: [],
      },
      history: [462407, 1018742, 910462, 419369, 14421, 127134],
    },
  ],
  [
    'the restarter recycles nobody',
    {
      cast: {
        trainers: 2,
        publishers: 2,
        restarters: 2,
        servers: 1,
        named: true,
        settled: true,
        deeds: [],
      },
      history: [323140, 1028053, 714076],
    },
  ],
  [
    'a recycle before the first config is taken over',
    {
      cast: {
        trainers: 1,
        publishers: 2,
        restarters: 2,
        servers: 3,
        named: false,
        settled: false,
        deeds: [],
      },
      history: [
        1026841, 620814, 681657, 287915, 567677, 62103, 876426, 535326, 546950, 833827, 877129,
        971875, 762811, 558856, 901732,
      ],
    },
  ],
]
