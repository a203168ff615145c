import { parseAllDocuments } from 'yaml'

/** What is wrong with this YAML, or undefined. */
export function findYamlProblem(content: string): string | undefined {
  return [...parseAllDocuments(content)].flatMap(({ errors }) => errors)[0]?.message
}
