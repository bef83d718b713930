import type { Limits } from '../limits.ts'
import type { ListenFds } from '../launch/listen-fds.ts'

/**
 * What the command line says, checked. None of it changes while the server runs; of the files that
 * it names, `models.configFile` is read again every `models.configPollMs` and the others never.
 */
export interface Flags {
  readonly rest: RestFlags
  readonly grpc: GrpcFlags
  readonly models: ModelFlags
  readonly loading: LoadingFlags
  readonly engines: EngineFlags
  readonly process: ProcessFlags
  readonly files: FileFlags
  /** Limits of `limits.ts`, with those that flags set. */
  readonly limits: Limits
  /** Whether requests of a model that come together are run as one, if its parameters allow it. */
  readonly isBatching: boolean
  /** Each model is batched by the file in its own version, and not without one. */
  readonly isBatchingPerModel: boolean
  /**
   * Bare upstream flags, no admin socket: the ports also change what is served and reveal it, as
   * upstream's do.
   */
  readonly isSinglePort: boolean
  /** Sentences for the log at the start: flags without effect, flags that override each other. */
  readonly warnings: readonly string[]
}

export interface RestFlags {
  /** Undefined for no REST on a port of one's own. */
  readonly port: number | undefined
  /** Undefined for all addresses. */
  readonly host: string | undefined
  /** How long a request may take. */
  readonly timeoutMs: number
  readonly hasCors: boolean
}

export interface GrpcFlags {
  /** Undefined for no gRPC on a port of one's own. */
  readonly port: number | undefined
  /** Undefined for all addresses. */
  readonly host: string | undefined
  /** Undefined for no Unix socket of one's own. */
  readonly socketPath: string | undefined
  /** What the Unix socket is called, also where it is inherited; undefined where nobody said. */
  readonly socketName: string | undefined
  /** As given; whether the gRPC server knows them is for it to say. */
  readonly channelArguments: ChannelArguments
  /** Whether the health protocol is served. */
  readonly hasHealth: boolean
  /** Whether tensors of answers are raw bytes. */
  readonly writesTensorContent: boolean
}

export type ChannelArguments = Readonly<Record<string, number | string>>

/** Which models are served. */
export interface ModelFlags {
  /** Undefined where `single` or the admin socket says which. */
  readonly configFile: string | undefined
  /** Undefined for reading it once. */
  readonly configPollMs: number | undefined
  /** The only model; undefined with a config file. */
  readonly single: { readonly name: string; readonly basePath: string } | undefined
  /** How folders are looked through for versions. */
  readonly discovery: 'once' | 'never' | { readonly pollMs: number }
  /** Whether a config may label a version before it is available. */
  readonly allowsEarlyLabels: boolean
  /** Whether classify and regress look at what a signature says that it is for. */
  readonly checksMethodNames: boolean
}

export interface LoadingFlags {
  /** How many versions load at a time. */
  readonly loadsAtOnce: number
  /** How often a load is tried again right after it failed. */
  readonly retries: number
  readonly retryMs: number
  /** Of the graph in a SavedModel. */
  readonly tags: readonly string[]
  /** How often each warm-up request is replayed; 0 for no warm-up. */
  readonly warmupRounds: number
  /** Undefined for no limit. */
  readonly maxResidentBytes: number | undefined
  /** Unsafe operations that models may have, by their names. */
  readonly allowedOperations: readonly string[]
}

export interface EngineFlags {
  readonly engine: 'auto' | 'fast' | 'tensorflow'
  /** Threads within one operation; 0 for automatic. */
  readonly intraOpThreads: number
  /** Operations at a time; 0 for automatic. */
  readonly interOpThreads: number
}

export interface ProcessFlags {
  /** Threads that answer requests. */
  readonly workers: number
  /** Sockets in place of ports. */
  readonly inherited: ListenFds | undefined
  /** Listen only when asked to on the admin socket. */
  readonly acceptLater: boolean
  readonly adminSocketPath: string | undefined
  /** End with the parent. */
  readonly followsParent: boolean
}

/** Files to read at the start, see `readFlagFiles`. Undefined where none was given. */
export interface FileFlags {
  readonly batching: string | undefined
  readonly monitoring: string | undefined
  readonly ssl: string | undefined
  /** Without effect, and still an error where they cannot be read. */
  readonly unused: readonly string[]
}
