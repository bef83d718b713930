import type { Case } from './explore.ts'

/** Like `CASES`: histories of servers that are pods. */
export const ROLL_CASES: readonly [string, Case][] = [
  [
    'a server forgets what is live while the store is away',
    {
      cast: {
        trainers: 1,
        publishers: 1,
        restarters: 1,
        servers: 1,
        named: true,
        settled: true,
        cluster: 'restart',
        deeds: [{ kind: 'put', tenant: 'a', data: 3 }],
      },
      history: [
        6000, 4800, 5700, 2400, 4591, 6291, 1400, 5391, 4000, 3900, 4300, 5000, 5100, 5900, 6300,
        6100, 5674, 5391, 5300,
      ],
    },
  ],
]
