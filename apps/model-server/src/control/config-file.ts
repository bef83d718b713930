import { isAscii } from 'node:buffer'
import { createHash } from 'node:crypto'
import { reasonOf } from '@drover/basics'
import { readRegularFile } from '@drover/inference'
import {
  ModelConfigError,
  type ModelServerConfig,
  readModelServerConfig,
} from '@drover/model-config'
import type { Log } from '@drover/service'
import { ServingError } from '@drover/serving-api'
import type { ControlLimits } from './limits.ts'
import { inSlices, Pace } from '../event-loop/pace.ts'

const READ_BYTES = 64 * 1024
const MESSAGE = 'tensorflow.serving.ModelServerConfig'

export interface ConfigFileOptions {
  /** `--model_config_file`. */
  path: string
  /** How often it is read again; never without it. */
  pollMs?: number | undefined
  /** Brings what it lists into force. */
  reload: (config: ModelServerConfig) => Promise<void>
  /** What is in force: somebody else may have changed it since. */
  current: () => ModelServerConfig | undefined
  log: Log
  limits: ControlLimits
}

/** The config file, which says what is served whenever it says something that can be read. */
export class ConfigFile {
  readonly #options: ConfigFileOptions
  #digest: string | undefined
  #config: ModelServerConfig | ServingError | undefined
  /** What was told of it last, so that nothing is told at every poll. */
  #told: string | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(options: ConfigFileOptions) {
    this.#options = options
  }

  /**
   * Reads it for the first time and follows it from then on. Throws `ServingError`, in upstream's
   * words, for a file without which the server cannot start; models that did not become available
   * are only told of in the log.
   */
  async start(): Promise<void> {
    await applyFirst(await this.#read(), this.#options)
    this.#follow()
  }

  /** Reads it no more. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #follow(): void {
    const { pollMs } = this.#options
    if (pollMs === undefined || this.#isStopped) return
    this.#timer = setTimeout(() => {
      void this.poll().finally(() => this.#follow())
    }, pollMs).unref()
  }

  /** Reads it once; whatever is wrong with it leaves what is served as it is. Never throws. */
  async poll(): Promise<void> {
    const config = await this.#readOrTell()
    if (config === undefined) return
    try {
      if (config !== this.#options.current()) await this.#options.reload(config)
      this.#told = undefined
    } catch (error) {
      this.#tell(
        `PollFilesystemAndReloadConfig failed to ReloadConfig: ${error instanceof ServingError ? error.message : reasonOf(error)}`,
      )
    }
  }

  async #readOrTell(): Promise<ModelServerConfig | undefined> {
    try {
      return await this.#read()
    } catch (error) {
      this.#tell(
        `Failed to read ModelServerConfig file: ${error instanceof ServingError ? error.message : reasonOf(error)}`,
      )
      return undefined
    }
  }

  #tell(message: string): void {
    if (this.#told !== message) this.#options.log.error({ path: this.#options.path }, message)
    this.#told = message
  }

  /** The config that it holds; the same object as long as its bytes are the same. */
  async #read(): Promise<ModelServerConfig> {
    const { path, limits } = this.#options
    const bytes = await readWhole(path, limits)
    const digest = await digestOf(bytes, limits)
    if (digest !== this.#digest) {
      this.#config = await this.#parse(bytes)
      this.#digest = digest
    }
    if (this.#config instanceof Error) throw this.#config
    if (this.#config === undefined) throw new ServingError('INTERNAL', `${path} has not been read`)
    return this.#config
  }

  async #parse(bytes: Buffer): Promise<ModelServerConfig | ServingError> {
    try {
      const steps = readModelServerConfig(textOf(bytes))
      return await inSlices(steps, this.#options.limits.stretchMs)
    } catch (cause) {
      if (cause instanceof ServingError) return cause
      if (!(cause instanceof ModelConfigError)) throw cause
      // One line, as it is looked for in upstream's output: what is wrong, and where.
      return new ServingError(
        'INVALID_ARGUMENT',
        `Invalid protobuf file: '${this.#options.path}': ` +
          `Error parsing text-format ${MESSAGE}: ${cause.message}`,
      )
    }
  }
}

/** Brings the first config into force; models that do not become available hold up no other. */
export async function applyFirst(
  config: ModelServerConfig,
  { reload, log }: Pick<ConfigFileOptions, 'reload' | 'log'>,
): Promise<void> {
  try {
    await reload(config)
  } catch (error) {
    // What a model needs may still come; what is refused as a whole never becomes right by itself.
    if (!(error instanceof ServingError) || error.code === 'INVALID_ARGUMENT') throw error
    log.error({ reason: error.message }, 'some models did not become available')
  }
}

async function readWhole(path: string, { configBytesMax }: ControlLimits): Promise<Buffer> {
  try {
    const { buffer, length } = await readRegularFile(path, configBytesMax)
    return Buffer.from(buffer, 0, length)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'UNKNOWN'
    if (code === 'EFBIG')
      throw new ServingError('RESOURCE_EXHAUSTED', `${path} is larger than ${configBytesMax} bytes`)
    throw code === 'ENOENT'
      ? new ServingError('NOT_FOUND', `${path}; No such file or directory`)
      : new ServingError('UNKNOWN', `${path}; it cannot be read: ${code}`, { cause })
  }
}

async function digestOf(bytes: Buffer, { stretchMs }: ControlLimits): Promise<string> {
  const hash = createHash('sha256')
  const pace = new Pace(stretchMs)
  for (let at = 0; at < bytes.length; at += READ_BYTES) {
    hash.update(bytes.subarray(at, at + READ_BYTES))
    if (pace.step()) await pace.rest()
  }
  return hash.digest('hex')
}

/** Half a byte sequence would come back as other text: it is told as what it is. */
function textOf(bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString('latin1')
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new ServingError('INVALID_ARGUMENT', 'the config file is not UTF-8', { cause })
  }
}

/** The config of `--model_name` and `--model_base_path`. */
export const singleModelConfig = (name: string, basePath: string): ModelServerConfig => ({
  models: [
    {
      name,
      basePath,
      modelPlatform: 'tensorflow',
      versionPolicy: { kind: 'latest', numVersions: 1 },
      versionLabels: {},
    },
  ],
})
