import { Float } from './json.ts';
import { Interrupted, NodeFailure } from './node.ts';
import { repr } from './python.ts';

const PYTHON_NAMES: Readonly<Record<string, string>> = { TypeError: 'TypeError', RangeError: 'ValueError', ZodError: 'TypeError' };

export function isInterrupt(error: unknown, signal: AbortSignal): boolean {
  return error instanceof Interrupted || (signal.aborted && error instanceof Error && error.name === 'AbortError');
}

/** The middle part of `execution_error`: what went wrong and with which inputs (ws 06). Messages end with a line break. */
export function errorReport(error: unknown, at: { node: string; inputs: Readonly<Record<string, unknown>> }): Record<string, unknown> {
  const cause = error instanceof Error ? error : new NodeFailure('Exception', String(error));
  return {
    exception_message: `${cause.message}\n`,
    exception_type: cause instanceof NodeFailure ? cause.exceptionType : PYTHON_NAMES[cause.name] ?? 'RuntimeError',
    traceback: [`  File "sandbox", in node ${at.node}\n    <source line>\n`],
    current_inputs: Object.fromEntries(Object.entries(at.inputs).map(([name, value]) => [name, [inputText(value)]])),
  };
}

/** Plain values as they are, everything else as text. */
function inputText(value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value !== 'object' || value instanceof Float) return value;
  return Array.isArray(value) && isPicture(value[0]) ? `tensor(shape=[${value.length}, ${value[0].height}, ${value[0].width}])` : repr(value);
}

function isPicture(value: unknown): value is { width: number; height: number; data: Float32Array } {
  return typeof value === 'object' && value !== null && 'data' in value && value.data instanceof Float32Array && 'width' in value && 'height' in value;
}
