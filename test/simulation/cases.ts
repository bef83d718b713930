import type { Case } from './explore.ts'

/**
 * Histories in which something once broke, as short as they could be made: by a fault of a plan, or
 * by the mutant of that name, which still breaks there. A line of a failure's message goes here.
 */
export const CASES: readonly [string, Case][] = [
  [
    'the publisher does not look at pins',
    {
      cast: {
        trainers: 2,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: true,
        deeds: [{ kind: 'rollback', tenant: 'a' }],
      },
      history: [],
    },
  ],
  [
    'the publisher takes versions of an old owner',
    {
      cast: {
        trainers: 2,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: true,
        deeds: [
          { kind: 'delete', tenant: 'b' },
          { kind: 'put', tenant: 'b', data: 3 },
        ],
      },
      history: [473914, 871564],
    },
  ],
  [
    'the publisher does not look at failing verdicts',
    {
      cast: {
        trainers: 1,
        publishers: 2,
        restarters: 1,
        servers: 3,
        named: false,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'c', data: 1 }],
      },
      history: [837488, 761188],
    },
  ],
  [
    'the publisher writes no verdict for a culprit',
    {
      cast: {
        trainers: 1,
        publishers: 2,
        restarters: 1,
        servers: 2,
        named: true,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'a', data: 1 }],
      },
      history: [32226, 133142, 565761, 125719],
    },
  ],
  [
    'the publisher starts from live instead of the candidate',
    {
      cast: {
        trainers: 2,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: true,
        deeds: [
          { kind: 'rollback', tenant: 'a' },
          { kind: 'delete', tenant: 'b' },
        ],
      },
      history: [],
    },
  ],
  [
    'the publisher never offers a config again',
    {
      cast: {
        trainers: 1,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'b', data: 0 }],
      },
      history: [329037, 463538, 432057, 200621],
    },
  ],
  [
    'the publisher carries a candidate to another seq',
    {
      cast: {
        trainers: 1,
        publishers: 2,
        restarters: 2,
        servers: 2,
        named: true,
        settled: true,
        deeds: [
          { kind: 'delete', tenant: 'a' },
          { kind: 'rollback', tenant: 'b' },
        ],
      },
      history: [100802, 65104, 603556],
    },
  ],
  [
    'the gate passes what is bad',
    {
      cast: {
        trainers: 1,
        publishers: 2,
        restarters: 1,
        servers: 3,
        named: false,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'c', data: 1 }],
      },
      history: [837488, 761188],
    },
  ],
  [
    'a new number is taken before the last claim is given up',
    {
      cast: {
        trainers: 2,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: true,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'b', data: 3 }],
      },
      history: [
        868009, 926541, 690314, 913189, 317846, 991377, 620918, 707961, 152806, 742441, 798664,
      ],
    },
  ],
  [
    'a request that is done is trained again',
    {
      cast: {
        trainers: 1,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'b', data: 0 }],
      },
      history: [],
    },
  ],
  [
    'a claim whose process is gone is waited for',
    {
      cast: {
        trainers: 1,
        publishers: 1,
        restarters: 2,
        servers: 1,
        named: true,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'a', data: 0 }],
      },
      history: [608440, 131545, 933736, 822324, 535073, 927642, 189184],
    },
  ],
  [
    'the restarter writes live without one ready server',
    {
      cast: {
        trainers: 1,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'b', data: 0 }],
      },
      history: [],
    },
  ],
  [
    'the restarter has no canary',
    {
      cast: {
        trainers: 1,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'b', data: 0 }],
      },
      history: [329037, 463538, 432057, 200621],
    },
  ],
  [
    'the restarter does not go back after a rejection',
    {
      cast: {
        trainers: 1,
        publishers: 2,
        restarters: 1,
        servers: 2,
        named: true,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'a', data: 1 }],
      },
      history: [32226, 133142, 565761, 125719],
    },
  ],
  [
    'the restarter never rejects',
    {
      cast: {
        trainers: 1,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'b', data: 0 }],
      },
      history: [329037, 463538, 432057, 200621],
    },
  ],
  [
    'the restarter never takes over',
    {
      cast: {
        trainers: 2,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: true,
        deeds: [{ kind: 'rollback', tenant: 'a' }],
      },
      history: [597653, 846466, 613108, 717537, 825366, 204585],
    },
  ],
  [
    'the agent obeys a lower fence',
    {
      cast: {
        trainers: 1,
        publishers: 2,
        restarters: 1,
        servers: 2,
        named: true,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'a', data: 1 }],
      },
      history: [
        647562, 229002, 913207, 587112, 460841, 344098, 458047, 364264, 487167, 540806, 512114,
        125719, 573783,
      ],
    },
  ],
  [
    'the agent obeys a command from before live moved',
    {
      cast: {
        trainers: 1,
        publishers: 2,
        restarters: 2,
        servers: 3,
        named: false,
        settled: true,
        deeds: [{ kind: 'rollback', tenant: 'a' }],
      },
      history: [224835, 878025, 243892, 751116, 579288],
    },
  ],
  [
    'nobody brings a server to live that is behind',
    {
      cast: {
        trainers: 1,
        publishers: 2,
        restarters: 1,
        servers: 2,
        named: true,
        settled: true,
        deeds: [{ kind: 'put', tenant: 'c', data: 3 }],
      },
      history: [548690, 301988],
    },
  ],
  [
    'the agent opens before it has a config',
    {
      cast: {
        trainers: 1,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: false,
        deeds: [],
      },
      history: [],
    },
  ],
]
