export { openRedis } from './redis.ts'
