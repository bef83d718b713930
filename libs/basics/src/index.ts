export { allDone } from './all-done.ts'
export { mapBounded } from './bounded.ts'
export { messagesOf, reasonOf } from './causes.ts'
