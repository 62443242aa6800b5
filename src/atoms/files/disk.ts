import { fail } from '../../core/errors.ts';

/** The system's word for what went wrong (`ENOENT`), where there is one. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const NOT_THERE: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'];

/** Whether the system says that there is no such file. */
export function isNotThere(error: unknown): boolean {
  return NOT_THERE.includes(codeOf(error));
}

/** Does `work` on the disk. What the system refuses becomes FILE_OPERATION_ERROR (500) with the system's word, never a path. */
export async function onDisk<T>(deed: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && 'syscall' in error ? codeOf(error) : undefined;
    if (code === undefined) throw error;
    throw fail('FILE_OPERATION_ERROR', `the disk refused ${deed} (${code}).`, { cause: error });
  }
}
