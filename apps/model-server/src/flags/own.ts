import { availableParallelism } from 'node:os'
import { LIMITS } from '../limits.ts'
import { bool, int32, int64, string } from './flag.ts'

/** What this server can besides. */
export const OWN = {
  grpc_host: string('', 'Address that gRPC binds to; all unless told.'),
  rest_api_host: string('', 'Address that REST binds to; all unless told.'),
  listen_fds: string(
    '',
    'Sockets to inherit, in place of all ports: rest:4,5;grpc:6,7;unix:8,9 with one descriptor ' +
      'of each kind for each worker.',
  ),
  accept_later: bool(
    false,
    'Listen for requests only after POST /v1/accept on the admin socket: a successor on an ' +
      'inherited socket must not answer before it serves what its predecessor serves.',
  ),
  admin_socket_path: string(
    '',
    'Unix socket on which everything is that changes or reveals; without it, the ports do that.',
  ),
  follow_parent: bool(
    false,
    'End when the parent does: when the IPC channel or the pipe at standard input closes. ' +
      'True with --listen_fds unless told.',
  ),
  workers: int32(
    availableParallelism(),
    'Threads that answer requests. With --listen_fds, as many as there are descriptors.',
  ),
  max_resident_bytes: int64(
    0,
    'Memory for models; those used least recently leave, and load again when asked for. 0: no limit.',
  ),
  engine: string(
    'auto',
    'What runs models: fast, tensorflow, or auto for the fast one where it can.',
  ),
  allowed_operations: string(
    '',
    'Unsafe operations that models may have all the same, such as ReadFile,WriteFile.',
  ),
  load_timeout_in_ms: int32(LIMITS.loadMsMax, 'A version that takes longer to load has failed.'),
  drain_timeout_in_ms: int32(
    LIMITS.drainMsMax,
    'How long requests in flight may take once the server is told to end.',
  ),
  rest_api_max_body_bytes: int64(LIMITS.bodyBytesMax, 'Larger REST bodies are refused.'),
  max_waiting_requests: int32(
    LIMITS.waitingMax,
    'Requests of one model that wait or run; further ones are refused.',
  ),
} as const
