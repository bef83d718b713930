import type { IncomingMessage } from 'node:http'
import type { Express, Request } from 'express'
import { z } from 'zod'
import { parseInput } from '../check.ts'

export interface Answer {
  status: number
  body: object
}

/** What a route's handler gets: the caller's values, checked. */
export interface Call<P, Q, B> {
  params: P
  query: Q
  body: B
  /** The request itself, for a body that is streamed. */
  request: IncomingMessage
}

/** The query of a route that has none. */
export const NO_QUERY = z.object({})
/** The body of a route that has none, and of one that streams it as it is. */
export const NO_BODY = z.unknown()
export const RAW_BODY = z.unknown()

/** A route as it is served and as it is documented: from the same schemas. */
export interface Route {
  method: 'get' | 'put' | 'post' | 'delete'
  /** With `{name}` for each parameter. */
  path: string
  summary: string
  params: z.ZodObject
  query: z.ZodObject
  body: z.ZodType
  answers: Record<number, { says: string; schema: z.ZodType }>
  serve: (request: Request) => Promise<Answer>
}

/** Makes a route whose handler gets what its schemas give. */
export function defineRoute<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType>({
  handle,
  ...route
}: Omit<Route, 'serve'> & {
  params: P
  query: Q
  body: B
  handle: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Answer>
}): Route {
  return {
    ...route,
    serve: async (request) =>
      await handle({
        params: parseInput(route.params, request.params),
        query: parseInput(route.query, request.query),
        body: parseInput(route.body, request.body),
        request,
      }),
  }
}

/** Serves the routes. */
export function addRoutes(api: Express, routes: readonly Route[]): void {
  for (const { method, path, serve } of routes) {
    api[method](path.replaceAll(/\{(\w+)\}/g, ':$1'), async (request, response) => {
      const { status, body } = await serve(request)
      response.status(status).json(body)
    })
  }
}
