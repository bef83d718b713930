// `--grpc_channel_arguments`: what upstream hands to gRPC as it is. Those that mean something here.

/** Times in milliseconds, sizes in bytes; undefined where nothing was said. */
export interface ChannelArguments {
  maxConnectionAgeMs?: number
  maxConnectionAgeGraceMs?: number
  maxConnectionIdleMs?: number
  keepaliveTimeMs?: number
  keepaliveTimeoutMs?: number
  handshakeTimeoutMs?: number
  maxConcurrentStreams?: number
  maxReceiveMessageLength?: number
  maxSendMessageLength?: number
  maxMetadataSize?: number
}

/** What gRPC's names are here, and the smallest value of each. */
const KNOWN: Readonly<Record<string, [keyof ChannelArguments, number]>> = {
  'grpc.max_connection_age_ms': ['maxConnectionAgeMs', 1],
  'grpc.max_connection_age_grace_ms': ['maxConnectionAgeGraceMs', 0],
  'grpc.max_connection_idle_ms': ['maxConnectionIdleMs', 1],
  'grpc.keepalive_time_ms': ['keepaliveTimeMs', 1],
  'grpc.keepalive_timeout_ms': ['keepaliveTimeoutMs', 0],
  'grpc.server_handshake_timeout_ms': ['handshakeTimeoutMs', 1],
  'grpc.max_concurrent_streams': ['maxConcurrentStreams', 0],
  'grpc.max_receive_message_length': ['maxReceiveMessageLength', 0],
  'grpc.max_message_length': ['maxReceiveMessageLength', 0],
  'grpc.max_send_message_length': ['maxSendMessageLength', 0],
  'grpc.max_metadata_size': ['maxMetadataSize', 1],
}

const INT32_MAX = 2 ** 31 - 1

/** The flag as read. */
export interface ReadArguments {
  known: ChannelArguments
  /** Names of those that have no effect here, or not with that value. */
  ignored: string[]
}

/** Reads the flag's pairs. INT32_MAX, and a length of -1, mean that nothing is limited. */
export function readChannelArguments(
  given: Readonly<Record<string, number | string>>,
): ReadArguments {
  const known: ChannelArguments = {}
  const ignored: string[] = []
  for (const [name, value] of Object.entries(given)) {
    const [key, least] = (Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined) ?? []
    if (key === undefined || least === undefined || typeof value !== 'number') ignored.push(name)
    else if (value === INT32_MAX || (value === -1 && key.endsWith('Length'))) delete known[key]
    else if (value >= least) known[key] = value
    else ignored.push(name)
  }
  return { known, ignored }
}
