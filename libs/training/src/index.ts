export { type CommandRequest, type CommandResult, runCommand } from './command.ts'
export { TrainingError, TrainingErrorCode } from './errors.ts'
export { collectOutput, type OutputFile, QUALITY_PATH, readQuality } from './output.ts'
export { startTrainer, type Trainer, type TrainRequest } from './trainer.ts'
