import type { Case } from './explore.ts'

/**
 * Histories in which something once broke, as short as they could be made: by a fault of a plan, or
 * by the mutant of that name, which still breaks there. A line of a failure's message goes here.
 */
export const CASES: readonly [string, Case][] = [
  [
    'the publisher does not look at failing verdicts',
    {
      cast: {
        trainers: 2,
        publishers: 2,
        restarters: 1,
        servers: 1,
        named: true,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'b', data: 1 }],
      },
      history: [626518, 715524, 616864],
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
      history: [647562, 229002, 913207, 587112],
    },
  ],
  [
    'the publisher never offers a config again',
    {
      cast: {
        trainers: 2,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: true,
        deeds: [{ kind: 'put', tenant: 'b', data: 1 }],
      },
      history: [648805, 549758, 857866, 878863, 966194, 836352, 309386, 244624],
    },
  ],
  [
    'the publisher carries a candidate to another seq',
    {
      cast: {
        trainers: 1,
        publishers: 2,
        restarters: 1,
        servers: 3,
        named: true,
        settled: true,
        deeds: [
          { kind: 'put', tenant: 'b', data: 0 },
          { kind: 'delete', tenant: 'a' },
        ],
      },
      history: [385954, 461964, 541111],
    },
  ],
  [
    'the gate passes what is bad',
    {
      cast: {
        trainers: 1,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: false,
        deeds: [
          { kind: 'rollback', tenant: 'c' },
          { kind: 'put', tenant: 'b', data: 2 },
          { kind: 'put', tenant: 'b', data: 1 },
        ],
      },
      history: [837924, 992710, 767188, 851153, 732555, 916222, 42645, 19076],
    },
  ],
  [
    'a new number is taken before the last claim is given up',
    {
      cast: {
        trainers: 2,
        publishers: 2,
        restarters: 1,
        servers: 3,
        named: false,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'b', data: 1 }],
      },
      history: [672302, 566323],
    },
  ],
  [
    'a claim whose process is gone is waited for',
    {
      cast: {
        trainers: 2,
        publishers: 2,
        restarters: 2,
        servers: 1,
        named: false,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'a', data: 0 }],
      },
      history: [944031, 67371, 916907, 788934, 380236, 199071, 170950, 868182],
    },
  ],
  [
    'the restarter has no canary',
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
      history: [999639, 229002, 913207, 587112],
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
      history: [647562, 229002, 913207, 587112],
    },
  ],
  [
    'the restarter never rejects',
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
      history: [647562, 229002, 913207, 587112],
    },
  ],
  [
    'the restarter never takes over',
    {
      cast: {
        trainers: 2,
        publishers: 1,
        restarters: 1,
        servers: 1,
        named: true,
        settled: true,
        deeds: [{ kind: 'put', tenant: 'a', data: 1 }],
      },
      history: [
        81747, 142321, 750338, 572872, 643950, 410143, 889718, 594665, 521510, 726827, 37755,
        621663, 20150, 911512, 229469, 727669, 222952, 896722, 109036, 244685,
      ],
    },
  ],
  [
    'the agent obeys a lower fence',
    {
      cast: {
        trainers: 2,
        publishers: 1,
        restarters: 2,
        servers: 2,
        named: false,
        settled: true,
        deeds: [{ kind: 'put', tenant: 'b', data: 1 }],
      },
      history: [
        648805, 396756, 549758, 857866, 491434, 470641, 878863, 966194, 836352, 561104, 998061,
        146880,
      ],
    },
  ],
  [
    'the agent obeys a command from before live moved',
    {
      cast: {
        trainers: 2,
        publishers: 1,
        restarters: 2,
        servers: 3,
        named: true,
        settled: false,
        deeds: [{ kind: 'put', tenant: 'b', data: 3 }],
      },
      history: [114189, 37246, 701518, 222788],
    },
  ],
  [
    'nobody brings a server to live that is behind',
    {
      cast: {
        trainers: 2,
        publishers: 2,
        restarters: 2,
        servers: 2,
        named: true,
        settled: true,
        deeds: [{ kind: 'put', tenant: 'b', data: 2 }],
      },
      history: [343713, 622787, 111088],
    },
  ],
  [
    'the canary of a rollout that was taken over is another server',
    {
      cast: {
        trainers: 1,
        publishers: 2,
        restarters: 1,
        servers: 2,
        named: true,
        settled: true,
        deeds: [{ kind: 'put', tenant: 'b', data: 3 }],
      },
      history: [
        250627, 430618, 757383, 766180, 858746, 928992, 295682, 766723, 411292, 675215, 786134,
        105609, 367337, 582012, 940549, 127183, 610355, 499975, 304225, 923042, 675400, 893804,
      ],
    },
  ],
]
