// Loads that run in the network of the cluster's nodes and ask the Services' own addresses there.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { preparePython } from '../../support/python.ts'
import { ROOT } from '../../support/root.ts'
import type { Bounds, Failure } from '../load/tally.ts'
import { kubeletOf } from './nodes.ts'

const PROGRAM = join(ROOT, 'test/dist/cluster/load/main.js')
const CORE = join(ROOT, 'test/python/grpc_load.py')
const END_MS_MAX = 30_000
const CLIENTS = { keeping: 4, slow: 2, channels: 3, pauseMs: 50, slowPauseMs: 3_000 }

const Failed: z.ZodType<Failure> = z.object({
  at: z.string(),
  kind: z.enum(['rest', 'rest, slow', 'grpc-js', 'grpc core']),
  model: z.string(),
  what: z.string(),
  ms: z.number(),
})
const Told = z.object({
  right: z.record(z.string(), z.int()),
  failed: z.int(),
  failures: z.array(Failed),
  slowestMs: z.number(),
})
export type Told = z.output<typeof Told>

export interface LoadOptions {
  nodes: readonly string[]
  /** The address of the Service within the cluster. */
  address: string
  /** Which versions of each model may answer. */
  bounds: ReadonlyMap<string, Bounds>
  hasRetries: boolean
}

/** A load on every node. */
export interface Load {
  bound: (model: string, bounds: Bounds) => void
  /** Ends it; says what all of it saw. Throws when a part of it failed itself. */
  stop: () => Promise<Told>
}

function start(node: string, command: string[], settings: object): ChildProcess {
  const inNetwork = ['-t', `${kubeletOf(node)}`, '-n', '--', ...command, JSON.stringify(settings)]
  return spawn('nsenter', inNetwork, { stdio: ['pipe', 'pipe', 'inherit'] })
}

/** Starts clients on every node: node:http and grpc-js; gRPC's C core too, unless clients retry. */
export async function startLoad({
  nodes,
  address,
  bounds,
  hasRetries,
}: LoadOptions): Promise<Load> {
  const python = hasRetries ? undefined : await preparePython()
  const settings = {
    rest: `http://${address}:8501`,
    grpc: `${address}:8500`,
    models: [...bounds.keys()],
    ...CLIENTS,
    hasRetries,
  }
  const children = nodes.map((node) => start(node, [process.execPath, PROGRAM], settings))
  const [first = ''] = nodes
  if (python !== undefined) children.push(start(first, [python, CORE], settings))
  const said = children.map(async ({ stdout }) => (stdout === null ? '' : await text(stdout)))
  const bound = (model: string, { floor, ceiling }: Bounds): void => {
    for (const { stdin } of children) stdin?.write(`${JSON.stringify({ model, floor, ceiling })}\n`)
  }
  for (const [model, each] of bounds) bound(model, each)
  return {
    bound,
    stop: async () => {
      const ended = children.map(async (child) => {
        child.kill('SIGTERM')
        if (child.exitCode === null)
          await once(child, 'exit', { signal: AbortSignal.timeout(END_MS_MAX) })
      })
      await Promise.all(ended)
      const lines = await Promise.all(said)
      return sumOf(lines.map((line) => Told.parse(JSON.parse(line))))
    },
  }
}

function sumOf(all: readonly Told[]): Told {
  const right: Record<string, number> = {}
  for (const each of all)
    for (const [kind, count] of Object.entries(each.right)) right[kind] = (right[kind] ?? 0) + count
  return {
    right,
    failed: all.reduce((sum, { failed }) => sum + failed, 0),
    failures: all.flatMap(({ failures }) => failures),
    slowestMs: Math.max(...all.map(({ slowestMs }) => slowestMs)),
  }
}
