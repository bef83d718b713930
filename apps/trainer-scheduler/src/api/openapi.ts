import { z } from 'zod'
import { NO_BODY, RAW_BODY, type Route } from './route.ts'

const JSON_TYPE = 'application/json'
const RAW_TYPE = 'application/octet-stream'

const Failure = z.object({ error: z.string() })

/** The document at `/openapi.json`: OpenAPI 3.1, whose schemas are JSON Schema as zod makes it. */
export function describeApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: describeRoute(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Drover trainer-scheduler',
      version: '1',
      description: 'Who is to have which models, their data, and what became of each training.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ token: [] }, {}],
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    paths,
  }
}

function describeRoute({ method, path, summary, params, query, body, answers }: Route): object {
  return {
    operationId: operationOf(method, path),
    summary,
    parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query')],
    ...(body === NO_BODY ? {} : { requestBody: describeBody(body) }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { says, schema }]) => [
          status,
          { description: says, ...contentOf(schema) },
        ]),
      ),
      default: { description: 'It did not work, and why.', ...contentOf(Failure) },
    },
  }
}

/** `put /v1/tenants/{tenant}` is `putTenantsTenant`. */
function operationOf(method: string, path: string): string {
  const words = path.split(/\W+/).slice(2).filter(Boolean)
  return method + words.map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`).join('')
}

function parametersOf(schema: z.ZodObject, place: 'path' | 'query'): object[] {
  return Object.entries(schema.shape).map(([name, field]) => ({
    name,
    in: place,
    required: place === 'path',
    schema: jsonSchemaOf(z.object({ [name]: field })).properties?.[name] ?? {},
  }))
}

function describeBody(body: z.ZodType): object {
  return {
    required: true,
    content:
      body === RAW_BODY
        ? { [RAW_TYPE]: { schema: { type: 'string', format: 'binary' } } }
        : { [JSON_TYPE]: { schema: jsonSchemaOf(body) } },
  }
}

const contentOf = (schema: z.ZodType): object => ({
  content: { [JSON_TYPE]: { schema: jsonSchemaOf(schema) } },
})

/** What callers may send, so fields with a default are optional. */
const jsonSchemaOf = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
