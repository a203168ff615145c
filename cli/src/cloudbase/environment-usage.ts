/** Environment variables that functions read and the project does not set: CloudBase keeps their values in its console. */
import path from 'node:path'
import { readFunctions } from '@sampan/server/features/functions/function-config'
import { matches, type SourceFile } from '../project/source-files.ts'

/** `what` is the variable as the code says it. */
export type MissingVariable = { readonly file: string; readonly line: number; readonly what: string }

const READS = ['process', '.', 'env', '.']

/** Set by the platform, here as there, or by Node and the system. */
const PROVIDED = /^(?:TCB_|WX_|SCF_|TENCENTCLOUD_|TRIGGER_|_SCF_|NODE_|LANG$|PATH$|HOME$|TZ$|TMPDIR$)/
/** Only names are asked for. */
const ANY_LIMITS = { timeoutMs: 1, memoryMb: 128 }

/** Each name once per function, at its first place. */
export function findMissingVariables(functionsRoot: string, sources: readonly SourceFile[]): MissingVariable[] {
  const functions = readFunctions(functionsRoot, ANY_LIMITS, () => {})
  const found = new Map<string, MissingVariable>()
  for (const { place, tokens } of sources) {
    const [owner = ''] = path.relative(functionsRoot, place).split(path.sep)
    const declared = functions.get(owner)?.environment ?? {}
    tokens.forEach((token, at) => {
      const name = matches(tokens, at, READS) ? (tokens[at + READS.length]?.value ?? '') : ''
      const key = `${owner}/${name}`
      if (!name || name in declared || PROVIDED.test(name) || found.has(key)) return
      found.set(key, { file: place, line: token.line, what: READS.join('') + name })
    })
  }
  return [...found.values()]
}
