import { readFile, stat } from 'node:fs/promises';
import { fail } from '../../core/errors.ts';

const notThere: readonly unknown[] = ['ENOENT', 'ENOTDIR'];
const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/**
 * The text of a file of at most `maxBytes`, without a byte order mark; undefined when there is none. Throws
 * FILE_OPERATION_ERROR for what is no file, is larger, is not UTF-8 or cannot be read; its detail has no path.
 */
export async function readBoundedText(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw fail('FILE_OPERATION_ERROR', 'it is not a file');
    if (found.size > maxBytes) throw fail('FILE_OPERATION_ERROR', `it has ${found.size} bytes; up to ${maxBytes} are taken`);
    return decoded(await readFile(path));
  } catch (error) {
    if (notThere.includes(codeOf(error))) return undefined;
    if (error instanceof Error && 'syscall' in error) throw fail('FILE_OPERATION_ERROR', `it cannot be read (${String(codeOf(error))})`, { cause: error });
    throw error;
  }
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw fail('FILE_OPERATION_ERROR', 'it is not UTF-8 text', { cause: error });
  }
}
