export type { Place } from './connection.ts'
export { JobsCode, JobsError } from './failure.ts'
export {
  type FairQueue,
  type FairQueueOptions,
  type FinishedRun,
  openFairQueue,
  type TrainRequest,
} from './fair-queue.ts'
export type { NudgeOf, QueueId } from './nudges.ts'
export { type NudgeQueue, openQueue } from './queue.ts'
export { type OpenedRedis, openRedis, type RedisOptions } from './redis.ts'
export {
  type Ended,
  type RedisServer,
  type RedisServerOptions,
  startRedisServer,
} from './server.ts'
export { type RedisWatcher, watchRedis } from './watch.ts'
export { type Handle, startWorker, type WorkerOptions } from './worker.ts'
