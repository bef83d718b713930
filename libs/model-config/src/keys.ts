import { z } from 'zod'
import { type ModelId, Name, Version } from './names.ts'

// The store's layout (PROTOCOL 2) in one place. Every part of a key is checked here, so that no
// name can leave its folder.

const name = (text: string): string => Name.parse(text)

const Part = z.string().regex(/^(?!\.*$)[^/\\\0]{1,200}$/, 'an id is one part of a path')
const part = (text: string): string => Part.parse(text)

export const tenantsPrefix = 'tenants'
export const tenantKey = (tenant: string): string => `tenants/${name(tenant)}.json`
export const controlsPrefix = 'controls'
export const controlsKey = (tenant: string): string => `controls/${name(tenant)}.json`

export const dataKey = ({ tenant, model }: ModelId, id: string): string =>
  `data/${name(tenant)}/${name(model)}/${part(id)}`
/** The record of an upload: its size, which whoever fetches it needs to know. */
export const dataRecordKey = (id: ModelId, sha: string): string => `${dataKey(id, sha)}.json`

export const modelsPrefix = ({ tenant, model }: ModelId): string =>
  `models/${name(tenant)}/${name(model)}`
export const versionPrefix = (id: ModelId, version: number): string =>
  `${modelsPrefix(id)}/${Version.parse(version)}`
export const claimKey = (id: ModelId, version: number): string =>
  `${versionPrefix(id, version)}/CLAIM.json`
export const manifestKey = (id: ModelId, version: number): string =>
  `${versionPrefix(id, version)}/MANIFEST.json`

/** Where the verdicts on all versions of a model are. */
export const verdictsOfModelPrefix = ({ tenant, model }: ModelId): string =>
  `verdicts/${name(tenant)}/${name(model)}`
const verdictsPrefix = (id: ModelId, version: number): string =>
  `${verdictsOfModelPrefix(id)}/${Version.parse(version)}`
export const verdictKey = (id: ModelId, version: number, n: number): string =>
  `${verdictsPrefix(id, version)}/${n}.json`
/** Where what the gate made with a verdict is. */
export const madePrefix = (id: ModelId, version: number, n: number): string =>
  `${verdictsPrefix(id, version)}/${n}`

export const runsPrefix = ({ tenant, model }: ModelId): string =>
  `runs/${name(tenant)}/${name(model)}`
export const runKey = (id: ModelId, run: string): string => `${runsPrefix(id)}/${part(run)}.json`

export const channelKey = (fleet: string): string => `fleets/${name(fleet)}/channel.json`
export const configKey = (fleet: string, sha: string): string =>
  `fleets/${name(fleet)}/configs/${part(sha)}.json`
export const bucketKey = (fleet: string, sha: string): string =>
  `fleets/${name(fleet)}/buckets/${part(sha)}.json`

export const changesPrefix = 'changes'
/** The hour's folder of a change record: `changes/<yyyymmddhh>`. */
export const changesHourPrefix = (at: Date): string =>
  `changes/${at.toISOString().slice(0, 13).replaceAll(/[-T]/g, '')}`
export const changeKey = (at: Date, id: string): string =>
  `${changesHourPrefix(at)}/${part(id)}.json`

export const auditPrefix = 'audit'
/** A day's folder of audit records, by its name in `auditPrefix`: `audit/<yyyy-mm-dd>`. */
export const auditDayPrefix = (day: string): string => `${auditPrefix}/${part(day)}`
export const auditKey = (at: Date, id: string): string =>
  `${auditDayPrefix(at.toISOString().slice(0, 10))}/${part(id)}.json`
