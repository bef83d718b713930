import { parseAllowed } from '@drover/inference'
import { refused } from './refused.ts'
import { LIMITS } from '../limits.ts'
import { type CommandLine, FLAGS } from './command-line.ts'
import type { EngineFlags, LoadingFlags, ModelFlags } from './flags.ts'

const ENGINES = ['auto', 'fast', 'tensorflow'] as const
/** Timers count milliseconds up to 2 ** 31. */
const POLL_S_MAX = 2_000_000
const RETRY_MS_MAX = 3_600_000
const LOADS_AT_ONCE_MAX = 64
const RETRIES_MAX = 1_000
const WARMUP_ROUNDS_MAX = 10_000
const THREADS_MAX = 1_024

/** Which models are served. Throws INVALID_ARGUMENT where there could never be one. */
export function settleModels(
  { valueOf, isGiven }: CommandLine,
  hasAdmin: boolean,
  warnings: string[],
): ModelFlags {
  const configFile = valueOf(FLAGS.model_config_file)
  const basePath = valueOf(FLAGS.model_base_path)
  if (configFile === '' && basePath === '' && !hasAdmin)
    throw refused(
      'Both server_options.model_base_path and server_options.model_config_file are empty!',
    )
  const isOverridden = configFile !== '' && (basePath !== '' || isGiven(FLAGS.model_name))
  if (isOverridden)
    warnings.push('--model_name and --model_base_path are ignored: --model_config_file is given')
  const single = basePath === '' ? undefined : { name: valueOf(FLAGS.model_name), basePath }
  return {
    configFile: configFile === '' ? undefined : configFile,
    configPollMs: pollMsOf(valueOf(FLAGS.model_config_file_poll_wait_seconds)),
    single: configFile === '' ? single : undefined,
    discovery: discoveryOf(valueOf(FLAGS.file_system_poll_wait_seconds)),
    allowsEarlyLabels: valueOf(FLAGS.allow_version_labels_for_unavailable_models),
    checksMethodNames: valueOf(FLAGS.enable_signature_method_name_check),
  }
}

const pollMsOf = (seconds: number): number | undefined =>
  seconds > 0 ? Math.min(seconds, POLL_S_MAX) * 1_000 : undefined

function discoveryOf(seconds: number): ModelFlags['discovery'] {
  const pollMs = pollMsOf(seconds)
  if (pollMs !== undefined) return { pollMs }
  return seconds === 0 ? 'once' : 'never'
}

/** How versions are loaded. Numbers that mean nothing count as the nearest that do. */
export function settleLoading({ valueOf }: CommandLine): LoadingFlags {
  const loads = valueOf(FLAGS.num_load_threads)
  const rounds = valueOf(FLAGS.num_request_iterations_for_warmup)
  const maxResidentBytes = valueOf(FLAGS.max_resident_bytes)
  if (maxResidentBytes < 0)
    throw refused(`--max_resident_bytes=${maxResidentBytes}: 0 for no limit, or more`)
  return {
    loadsAtOnce: loads > 0 ? Math.min(loads, LOADS_AT_ONCE_MAX) : LIMITS.loadsAtOnceMax,
    retries: within(0, valueOf(FLAGS.max_num_load_retries), RETRIES_MAX),
    retryMs: within(0, valueOf(FLAGS.load_retry_interval_micros) / 1_000, RETRY_MS_MAX),
    tags: Object.freeze(
      valueOf(FLAGS.saved_model_tags)
        .split(',')
        .filter((tag) => tag !== ''),
    ),
    warmupRounds: valueOf(FLAGS.enable_model_warmup) ? within(1, rounds, WARMUP_ROUNDS_MAX) : 0,
    maxResidentBytes: maxResidentBytes === 0 ? undefined : maxResidentBytes,
    allowedOperations: allowedOf(valueOf(FLAGS.allowed_operations)),
  }
}

function allowedOf(text: string): readonly string[] {
  const parsed = parseAllowed(text)
  if ('fault' in parsed) throw refused(`--allowed_operations: ${parsed.fault}`)
  return Object.freeze(parsed.allowed)
}

/** Upstream's rule: both kinds of threads are the session's, unless one of them is given itself. */
export function settleEngines({ valueOf }: CommandLine): EngineFlags {
  const both = valueOf(FLAGS.tensorflow_session_parallelism)
  const intra = valueOf(FLAGS.tensorflow_intra_op_parallelism)
  const inter = valueOf(FLAGS.tensorflow_inter_op_parallelism)
  if (both > 0 && intra > 0 && inter > 0)
    throw refused(
      'Either configure server_options.tensorflow_session_parallelism or ' +
        '(server_options.tensorflow_intra_op_parallelism, ' +
        'server_options.tensorflow_inter_op_parallelism) separately. You cannot configure all.',
    )
  const isApart = intra > 0 || inter > 0
  const text = valueOf(FLAGS.engine)
  const engine = ENGINES.find((each) => each === text)
  if (engine === undefined) throw refused(`--engine=${text}: one of ${ENGINES.join(', ')}`)
  return {
    engine,
    intraOpThreads: within(0, isApart ? intra : both, THREADS_MAX),
    interOpThreads: within(0, isApart ? inter : both, THREADS_MAX),
  }
}

const within = (min: number, value: number, max: number): number =>
  Math.min(Math.max(value, min), max)
