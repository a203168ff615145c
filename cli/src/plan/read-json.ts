import { readFile } from 'node:fs/promises'
import { UsageError } from '../command.ts'

/** An input file is a page at most; a disk image given by mistake is refused before it is read into memory. */
const LONGEST_INPUT_CHARACTERS = 1024 * 1024

/** The JSON in a file, or on stdin for `-`. */
export async function readJson(name: string): Promise<unknown> {
  const content = name === '-' ? await readStdin() : await readFile(name, 'utf8').catch(refuse(name))
  if (content.length > LONGEST_INPUT_CHARACTERS) throw new UsageError(`${name} is too long for an input file.`)
  try {
    return JSON.parse(content)
  } catch (error) {
    throw new UsageError(`${name} is not JSON: ${(error as Error).message}`, 'Try: {"type": "shop", "dau": 5000}') // safe: JSON.parse throws SyntaxError
  }
}

async function readStdin(): Promise<string> {
  let content = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) content += chunk
  return content
}

const refuse = (name: string) => (error: NodeJS.ErrnoException) => {
  throw new UsageError(`Cannot read ${name}: ${error.code ?? error.message}.`, 'Give the path of a JSON file.')
}
