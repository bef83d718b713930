import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { FLAGS, readCommandLine } from './command-line.ts'
import { OWN } from './own.ts'
import { UPSTREAM } from './upstream.ts'
import { usage } from './usage.ts'

const CPUS = availableParallelism()

/** Section 1.2 of the contract, with the types of upstream's main.cc. */
const CONTRACT: [string, string, string | number | boolean][] = [
  ['port', 'int32', 8500],
  ['grpc_socket_path', 'string', ''],
  ['rest_api_port', 'int32', 0],
  ['rest_api_num_threads', 'int32', 4 * CPUS],
  ['rest_api_timeout_in_ms', 'int32', 30_000],
  ['rest_api_enable_cors_support', 'bool', false],
  ['enable_batching', 'bool', false],
  ['allow_version_labels_for_unavailable_models', 'bool', false],
  ['batching_parameters_file', 'string', ''],
  ['enable_per_model_batching_parameters', 'bool', false],
  ['model_config_file', 'string', ''],
  ['model_config_file_poll_wait_seconds', 'int32', 0],
  ['model_name', 'string', 'default'],
  ['model_base_path', 'string', ''],
  ['num_load_threads', 'int32', 0],
  ['num_unload_threads', 'int32', 0],
  ['max_num_load_retries', 'int32', 5],
  ['load_retry_interval_micros', 'int64', 60_000_000],
  ['file_system_poll_wait_seconds', 'int32', 1],
  ['flush_filesystem_caches', 'bool', true],
  ['tensorflow_session_parallelism', 'int64', 0],
  ['tensorflow_session_config_file', 'string', ''],
  ['tensorflow_intra_op_parallelism', 'int64', 0],
  ['tensorflow_inter_op_parallelism', 'int64', 0],
  ['use_alts_credentials', 'bool', false],
  ['ssl_config_file', 'string', ''],
  ['platform_config_file', 'string', ''],
  ['per_process_gpu_memory_fraction', 'float', 0],
  ['saved_model_tags', 'string', 'serve'],
  ['grpc_channel_arguments', 'string', ''],
  ['grpc_max_threads', 'int32', 4 * CPUS],
  ['enable_model_warmup', 'bool', true],
  ['num_request_iterations_for_warmup', 'int32', 0],
  ['version', 'bool', false],
  ['monitoring_config_file', 'string', ''],
  ['remove_unused_fields_from_bundle_metagraph', 'bool', true],
  ['prefer_tflite_model', 'bool', false],
  ['num_tflite_pools', 'int32', CPUS],
  ['num_tflite_interpreters_per_pool', 'int32', 1],
  ['enable_signature_method_name_check', 'bool', false],
  ['xla_cpu_compilation_enabled', 'bool', false],
  ['xla_gpu_compilation_enabled', 'bool', false],
  ['enable_profiler', 'bool', true],
  ['thread_pool_factory_config_file', 'string', ''],
  ['mixed_precision', 'string', ''],
  ['skip_initialize_tpu', 'bool', false],
  ['enable_grpc_healthcheck_service', 'bool', false],
  ['enable_serialization_as_tensor_content', 'bool', false],
]
const SAMPLES = { int32: '7', int64: '7', float: '0.5', bool: 'true', string: 'text' }

test('the flags are those of the contract, with its types and defaults', () => {
  const flags = Object.entries(UPSTREAM).map(([name, flag]) => [name, flag.type, flag.default])

  expect(flags).toEqual(CONTRACT)
})

test('no flag of ours takes the name of one of upstream', () => {
  expect(Object.keys(OWN).filter((name) => name in UPSTREAM)).toEqual([])
})

describe.each(Object.entries(FLAGS))('--%s', (name, flag) => {
  test('is known with a value of its type', () => {
    const line = readCommandLine([`--${name}=${SAMPLES[flag.type]}`])

    expect(line).toMatchObject({ unknown: [], faults: [] })
    expect(line.isGiven(flag)).toBe(true)
  })

  test('is in the usage, which says what it is for', () => {
    const line = usage()
      .split('\n')
      .find((each) => each.startsWith(`\t--${name}=`))

    expect(line).toContain(`\t${flag.type}\t${flag.help}`)
    expect(line?.includes('(no effect here, because ')).toBe(flag.effect !== 'used')
  })
})
