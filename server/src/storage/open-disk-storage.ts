/** Files in a folder: `<root>/<two characters>/<name>`, written aside, synced, then renamed into place. */
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { AppError } from '../errors.ts'
import type { Storage } from './storage.ts'

/** As many first bytes as the file signatures we know need. */
const HEAD_BYTES = 64
const NAME_BYTES = 18
const NAME = /^[\w-]{24}$/

export function openDiskStorage(root: string): Storage {
  const placeOf = (name: string) => {
    if (!NAME.test(name)) throw new AppError('file_not_found', 'There is no such file.')
    return path.join(root, name.slice(0, 2), name)
  }

  return {
    async put(content, limitBytes) {
      const name = randomBytes(NAME_BYTES).toString('base64url')
      const place = placeOf(name)
      const aside = `${place}.part`
      await mkdir(path.dirname(place), { recursive: true })
      try {
        const facts = await write(aside, content, limitBytes)
        await rename(aside, place)
        await syncFolder(path.dirname(place))
        return { name, ...facts }
      } catch (error) {
        await rm(aside, { force: true })
        throw isFull(error) ? new AppError('storage_full', 'The disk is full.', { cause: error }) : error
      }
    },
    async open(name, range) {
      const place = placeOf(name)
      await stat(place).catch((cause: unknown) => {
        throw new AppError('file_not_found', 'The content of this file is gone.', { cause })
      })
      return createReadStream(place, range)
    },
    async remove(name) {
      await rm(placeOf(name), { force: true })
    },
  }
}

async function write(place: string, content: NodeJS.ReadableStream, limitBytes: number) {
  const file = await open(place, 'wx')
  try {
    return await copyInto(file, content, limitBytes)
  } finally {
    await file.close()
  }
}

async function copyInto(file: FileHandle, content: NodeJS.ReadableStream, limitBytes: number) {
  const sha256 = createHash('sha256')
  let head = Buffer.alloc(0)
  let sizeBytes = 0
  for await (const part of content) {
    const chunk = Buffer.from(part as Uint8Array) // safe: binary streams yield bytes
    sizeBytes += chunk.length
    if (sizeBytes > limitBytes) {
      throw new AppError('file_too_large', `The file is larger than ${limitBytes} bytes.`, { details: { limitBytes } })
    }
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk]).subarray(0, HEAD_BYTES)
    sha256.update(chunk)
    await file.write(chunk)
  }
  await file.sync()
  return { sizeBytes, sha256: sha256.digest('hex'), head }
}

/** Makes the rename itself durable. */
async function syncFolder(folder: string) {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const isFull = (error: unknown) =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
