/** Compiles the schema of a route when its first request comes: 150 routes at every start were a third of a second. */
import AjvCompiler from '@fastify/ajv-compiler'
import type { FastifySchemaCompiler } from 'fastify'

type Validator = ReturnType<FastifySchemaCompiler<unknown>>
type BuildValidator = (externalSchemas: unknown, options: object) => FastifySchemaCompiler<unknown>

/** For Fastify's `schemaController.compilersFactory`. A schema that is wrong shows with its first request, not before. */
export function buildLazyValidator(): BuildValidator {
  const build = AjvCompiler() as BuildValidator // safe: Fastify itself calls it so
  return (externalSchemas, options) => {
    const compile = build(externalSchemas, options)
    return (route) => {
      let compiled: Validator | undefined
      const validate: Validator = (data) => {
        compiled ??= compile(route)
        const result = compiled(data)
        validate.errors = compiled.errors
        return result
      }
      return validate
    }
  }
}
