/** Compiles the schema of a route when its first request comes: 150 routes at every start were a third of a second. */
import AjvCompiler, { type BuildCompilerFromPool, type ValidatorFactory } from '@fastify/ajv-compiler'

/** For Fastify's `schemaController.compilersFactory`. A schema that is wrong shows with its first request, not before. */
export function buildLazyValidator(): ValidatorFactory {
  const build = AjvCompiler()
  const buildLazily: BuildCompilerFromPool = (externalSchemas, options) => {
    const compile = build(externalSchemas, options)
    return (route) => {
      let compiled: ReturnType<typeof compile> | undefined
      const validate = (data: unknown) => {
        compiled ??= compile(route)
        const result = compiled(data)
        validate.errors = compiled.errors
        return result
      }
      validate.errors = undefined as ReturnType<typeof compile>['errors']
      return validate as ReturnType<typeof compile> // safe: Fastify calls it and reads its errors, nothing else
    }
  }
  return buildLazily as ValidatorFactory // safe: called with the options of a validator
}
