/** What an agent could not do, for whoever has to decide. */
export const AgentErrorCode = {
  /** A command that a newer one has overtaken. */
  REFUSED: 'REFUSED',
  /** Too many commands wait. */
  BUSY: 'BUSY',
  /** The store or the own disk cannot be had now; nobody's fault is proven by it. */
  IMPAIRED: 'IMPAIRED',
  /** A version has a fault of its own. */
  FAULT: 'FAULT',
  /** The model server ended, or answers no more. */
  SERVER_ENDED: 'SERVER_ENDED',
  /** Something took longer than it may. */
  DEADLINE: 'DEADLINE',
  /** The agent is stopping. */
  STOPPED: 'STOPPED',
} as const
export type AgentErrorCode = (typeof AgentErrorCode)[keyof typeof AgentErrorCode]

/** The one expected failure of a serving agent; switch on `code`. */
export class AgentError extends Error {
  override readonly name = 'AgentError'
  readonly code: AgentErrorCode

  constructor(code: AgentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
