import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { BundleFile } from '@sampan/planner'
import { CommandError } from '../command.ts'

/** Writes the files below the folder. A folder with something in it is left alone unless told otherwise. */
export async function writeBundle(
  directory: string,
  files: readonly BundleFile[],
  mayOverwrite: boolean,
): Promise<void> {
  const present = await readdir(directory).catch(() => [])
  if (present.length > 0 && !mayOverwrite) {
    throw new CommandError(
      `${directory} is not empty.`,
      'Choose another folder, or add --force to overwrite files in it.',
    )
  }
  for (const { path: name, content, mode } of files) {
    const target = path.join(directory, name)
    await mkdir(path.dirname(target), { recursive: true })
    await writeFile(target, content, { mode })
    await chmod(target, mode) // writeFile sets the mode of new files only, and less the umask
  }
}
