import type { Case } from './explore.ts'

/** Like `CASES`: histories of two fleets. */
export const FLEET_CASES: readonly [string, Case][] = [
  [
    'a failing verdict of one fleet binds in the other',
    {
      cast: {
        trainers: 2,
        publishers: 1,
        restarters: 2,
        servers: 3,
        named: false,
        settled: false,
        deeds: [
          { kind: 'put', tenant: 'a', data: 3, fleet: 0 },
          { kind: 'put', tenant: 'c', data: 1, fleet: 1 },
          { kind: 'move', tenant: 'c' },
        ],
        other: { restarters: 1, servers: 1 },
      },
      history: [
        1002608, 1012943, 798160, 307311, 529095, 1067625, 99786, 850603, 360455, 732026, 867172,
        199377, 16509, 251418, 464539, 546365, 553748, 1014215,
      ],
    },
  ],
  [
    'a tenant is served in every fleet',
    {
      cast: {
        trainers: 2,
        publishers: 1,
        restarters: 1,
        servers: 1,
        named: true,
        settled: true,
        deeds: [],
        cluster: 'reload',
        other: { restarters: 1, servers: 1 },
      },
      history: [1020689],
    },
  ],
  [
    'who moved to another fleet is not taken out of the old one',
    {
      cast: {
        trainers: 2,
        publishers: 1,
        restarters: 1,
        servers: 1,
        named: true,
        settled: true,
        deeds: [],
        cluster: 'reload',
        other: { restarters: 1, servers: 1 },
      },
      history: [1020689],
    },
  ],
  [
    'an undo pins who is in another fleet',
    {
      cast: {
        trainers: 1,
        publishers: 1,
        restarters: 2,
        servers: 1,
        named: false,
        settled: true,
        deeds: [
          { kind: 'put', tenant: 'b', data: 2, fleet: 0 },
          { kind: 'move', tenant: 'b' },
        ],
        cluster: 'reload',
        other: { restarters: 1, servers: 1 },
      },
      history: [1029750, 1006629],
    },
  ],
  [
    'an undo of one fleet is taken for that of the other',
    {
      cast: {
        trainers: 1,
        publishers: 2,
        restarters: 1,
        servers: 2,
        named: false,
        settled: true,
        deeds: [],
        cluster: 'reload',
        other: { restarters: 1, servers: 1 },
      },
      history: [1017826, 928519, 238818, 1005895, 406568, 609313, 1029429, 1016798, 801357],
    },
  ],
]
