/** Reads a document that others wrote: text in UTF-8, up to a limit. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { RunError } from '../../harness/errors.ts'

/** The report of this repository with its evidence has 0.5 MB. */
const MAX_BYTES = 16 << 20

const REASONS: Record<string, string> = {
  ENOENT: 'there is no file',
  EISDIR: 'not a file:',
  ELOOP: 'a symbolic link without an end:',
}

/** Returns the text of a file. Throws a RunError of one line where there is none. */
export async function readDocument(file: string): Promise<string> {
  const bytes = await readBytes(file)
  if (bytes.length > MAX_BYTES)
    throw new RunError(`${file} is larger than ${MAX_BYTES >> 20} MiB: not a report`)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // It is not UTF-8, which the line below says.
  }
  throw new RunError(`${file} is not a text in UTF-8`)
}

/** Returns at most one byte more than the limit: the size of a device is not known before. */
async function readBytes(file: string): Promise<Buffer> {
  try {
    // Without O_NONBLOCK, opening a named pipe waits for its other end.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      if (!(await handle.stat()).isFile()) throw new RunError(`${file} is not a file`)
      const chunks: Buffer[] = []
      for await (const chunk of handle.createReadStream({ end: MAX_BYTES, autoClose: false }))
        chunks.push(chunk)
      return Buffer.concat(chunks)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof RunError) throw error
    const { code = '' } = error as NodeJS.ErrnoException
    throw new RunError(REASONS[code] ? `${REASONS[code]} ${file}` : `cannot read ${file} (${code})`)
  }
}
