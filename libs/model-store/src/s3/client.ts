import { S3Client } from '@aws-sdk/client-s3'
import { ModelStoreCode, ModelStoreError } from '../store.ts'
import type { Limits } from './attempts.ts'

const REGION_ANYWHERE = 'us-east-1'
/** The SDK would write warnings past our log, and requests with their headers. */
const silence = (): void => {}
const SILENT = { debug: silence, info: silence, warn: silence, error: silence }

export interface ClientOptions {
  endpoint?: string | undefined
  region?: string | undefined
  forcePathStyle?: boolean | undefined
}

/**
 * A client whose credentials come from the SDK's default chain: environment, files, IRSA, the
 * machine. It never retries, since a retried conditional write can meet its own first attempt.
 */
export async function makeClient(
  { endpoint, region, forcePathStyle = endpoint !== undefined }: ClientOptions,
  { limits, connectionsMax }: { limits: Limits; connectionsMax: number },
): Promise<S3Client> {
  const agent = { keepAlive: true, maxSockets: connectionsMax }
  const options = {
    forcePathStyle,
    ...(endpoint !== undefined && { endpoint }),
    maxAttempts: 1,
    logger: SILENT,
    // Other stores than Amazon's know nothing of the SDK's own checksums; Content-MD5 is known by all.
    requestChecksumCalculation: 'WHEN_REQUIRED' as const,
    responseChecksumValidation: 'WHEN_REQUIRED' as const,
    requestHandler: {
      connectionTimeout: limits.connectMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
  }
  const client = new S3Client({ ...options, ...(region !== undefined && { region }) })
  try {
    await client.config.region()
    return client
  } catch {
    client.destroy()
    // A store of one's own has no regions, but its signatures name one.
    if (endpoint !== undefined) return new S3Client({ ...options, region: REGION_ANYWHERE })
    const message = 'the store on S3 needs a region: AWS_REGION, a profile or ?region='
    throw new ModelStoreError(ModelStoreCode.INVALID, message)
  }
}
