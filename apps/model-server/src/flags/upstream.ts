import { availableParallelism } from 'node:os'
import { bool, type Effect, float, int32, int64, string } from './flag.ts'

const CPUS = availableParallelism()

const because = (why: string): Effect => `no effect here, because ${why}`
const NO_GPU = because('models run on the CPU')
const NO_TFLITE = because('there is no TensorFlow Lite in it')
const NO_XLA = because('the TensorFlow that it runs has no such compiler')

/** Every flag of `tensorflow_model_server`, by upstream's name, in upstream's order. */
export const UPSTREAM = {
  port: int32(8500, 'TCP port of gRPC; 0 for none. None either with --listen_fds.'),
  grpc_socket_path: string('', 'Path of a Unix socket on which gRPC is served as well.'),
  rest_api_port: int32(0, 'TCP port of REST, other than --port; 0 for none.'),
  rest_api_num_threads: int32(
    4 * CPUS,
    'Threads for REST requests.',
    because('requests share the event loops of --workers'),
  ),
  rest_api_timeout_in_ms: int32(30_000, 'How long a REST request may take.'),
  rest_api_enable_cors_support: bool(false, 'Send CORS headers with REST answers.'),
  enable_batching: bool(false, 'Run requests of one model that come together as one.'),
  allow_version_labels_for_unavailable_models: bool(
    false,
    'Let a config give a label that no version had to a version that is not available yet.',
  ),
  batching_parameters_file: string(
    '',
    'A BatchingParameters in text form, in place of the defaults; wants --enable_batching.',
  ),
  enable_per_model_batching_parameters: bool(
    false,
    'Batch the models with a batching_params.pbtxt in their version, by what it says; only the ' +
      'threads are those of --batching_parameters_file then.',
  ),
  model_config_file: string(
    '',
    'A ModelServerConfig in text form: which models are served. Goes before --model_base_path.',
  ),
  model_config_file_poll_wait_seconds: int32(
    0,
    'How often that file is read again; 0 for only once.',
  ),
  model_name: string('default', 'Name of the model at --model_base_path.'),
  model_base_path: string('', 'Folder of the versions of the only model.'),
  num_load_threads: int32(0, 'How many versions load at a time; 0 lets the server choose.'),
  num_unload_threads: int32(
    0,
    'How many versions are unloaded at a time.',
    because('an unload holds nothing up'),
  ),
  max_num_load_retries: int32(5, 'How often a load that failed is tried again, before a pause.'),
  load_retry_interval_micros: int64(60_000_000, 'Time between these; negative for none.'),
  file_system_poll_wait_seconds: int32(
    1,
    'How often folders are looked through for versions; 0 for only once, negative for never.',
  ),
  flush_filesystem_caches: bool(
    true,
    "Give the pages of a model's files back after its load.",
    because('files are read only once and the system drops their pages when it needs memory'),
  ),
  tensorflow_session_parallelism: int64(0, "Threads of TensorFlow's sessions; 0 for automatic."),
  tensorflow_session_config_file: string(
    '',
    'A ConfigProto in text form for sessions of TensorFlow.',
    because('the binding to TensorFlow takes no session options; the file only has to be readable'),
  ),
  tensorflow_intra_op_parallelism: int64(0, 'Threads within one operation; 0 for automatic.'),
  tensorflow_inter_op_parallelism: int64(0, 'Operations at a time; 0 for automatic.'),
  use_alts_credentials: bool(false, 'Google ALTS for gRPC; the server refuses to start with it.'),
  ssl_config_file: string('', 'An SSLConfig in text form: gRPC over TLS.'),
  platform_config_file: string(
    '',
    'A PlatformConfigMap in text form.',
    because('TensorFlow is the only platform; the file only has to be readable'),
  ),
  per_process_gpu_memory_fraction: float(0, 'Share of the memory of a GPU.', NO_GPU),
  saved_model_tags: string('serve', 'Tags of the graph to load from a SavedModel, by commas.'),
  grpc_channel_arguments: string(
    '',
    'Settings of the gRPC server as name=value, by commas: grpc.max_connection_age_ms=2000.',
  ),
  grpc_max_threads: int32(
    4 * CPUS,
    'Threads for gRPC requests.',
    because('requests share the event loops of --workers'),
  ),
  enable_model_warmup: bool(true, "Replay a version's warm-up requests before it is available."),
  num_request_iterations_for_warmup: int32(0, 'How often each is replayed; once unless above 0.'),
  version: bool(false, 'Print the version and end.'),
  monitoring_config_file: string('', 'A MonitoringConfig in text form: metrics for Prometheus.'),
  remove_unused_fields_from_bundle_metagraph: bool(
    true,
    'Keep less of the graph in memory.',
    because('no graph is kept once it is translated'),
  ),
  prefer_tflite_model: bool(false, 'Serve model.tflite where there is one.', NO_TFLITE),
  num_tflite_pools: int32(CPUS, 'Pools of TensorFlow Lite interpreters.', NO_TFLITE),
  num_tflite_interpreters_per_pool: int32(1, 'Interpreters in each of them.', NO_TFLITE),
  enable_signature_method_name_check: bool(
    false,
    'Classify and regress only by signatures that say that they are for it.',
  ),
  xla_cpu_compilation_enabled: bool(false, 'Compile graphs by XLA.', NO_XLA),
  xla_gpu_compilation_enabled: bool(false, 'Compile graphs by XLA for GPUs.', NO_XLA),
  enable_profiler: bool(
    true,
    "Serve TensorFlow's ProfilerService.",
    because('there is no such service; Node has profilers of its own'),
  ),
  thread_pool_factory_config_file: string(
    '',
    'A ThreadPoolFactoryConfig in text form.',
    because('thread pools are not made by plug-ins'),
  ),
  mixed_precision: string('', 'Precision of automatic casts.', because('graphs run as written')),
  skip_initialize_tpu: bool(false, 'Leave TPUs alone.', because('it never touches a TPU')),
  enable_grpc_healthcheck_service: bool(false, 'Serve the health protocol of gRPC.'),
  enable_serialization_as_tensor_content: bool(
    false,
    'Write the tensors of gRPC answers as tensor_content, which is raw bytes.',
  ),
} as const
