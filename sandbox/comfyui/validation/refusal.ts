import { repr } from '../python.ts';
import type { PythonError } from '../python.ts';
import type { InputSpec } from '../catalog.ts';

/** One entry of `node_errors[id].errors`. */
export interface NodeError {
  readonly type: string;
  readonly message: string;
  readonly details: string;
  readonly extra_info: Readonly<Record<string, unknown>>;
}

/** What was found about one node. `valid` is false without errors when only something upstream is wrong. */
export interface Verdict {
  readonly valid: boolean;
  readonly errors: readonly NodeError[];
}

const about = (spec: InputSpec): Record<string, unknown> => ({ input_name: spec.name, input_config: [spec.type, spec.options] });

export function missing(spec: InputSpec): NodeError {
  return { type: 'required_input_missing', message: 'Required input is missing', details: spec.name, extra_info: { input_name: spec.name } };
}

export function badLink(spec: InputSpec, value: unknown): NodeError {
  const message = 'Bad linked input, must be a length-2 list of [node_id, slot_index]';
  return { type: 'bad_linked_input', message, details: spec.name, extra_info: { ...about(spec), received_value: value } };
}

export function mismatch(spec: InputSpec, received: unknown, link: unknown): NodeError {
  const details = `${spec.name}, received_type(${typeText(received)}) mismatch input_type(${typeText(spec.type)})`;
  const extra = { ...about(spec), received_type: received, linked_node: link };
  return { type: 'return_type_mismatch', message: 'Return type mismatch between linked nodes', details, extra_info: extra };
}

export function unconvertible(spec: InputSpec, value: unknown, failure: { text: string; reason: string }): NodeError {
  const extra = { ...about(spec), received_value: value, exception_message: failure.reason };
  const details = `${spec.name}, ${failure.text}, ${failure.reason}`;
  return { type: 'invalid_input_type', message: `Failed to convert an input value to a ${typeText(spec.type)} value`, details, extra_info: extra };
}

export function outOfRange(spec: InputSpec, value: unknown, bound: 'min' | 'max'): NodeError {
  const words = bound === 'min' ? 'smaller than min' : 'bigger than max';
  const message = `Value ${repr(value)} ${words} of ${repr(spec.options[bound])}`;
  return { type: `value_${words.replaceAll(' ', '_')}`, message, details: spec.name, extra_info: { ...about(spec), received_value: value } };
}

/** A list of more than 20 options is neither shown nor echoed. */
export function notInList(spec: InputSpec, value: unknown, options: readonly unknown[]): NodeError {
  const long = options.length > 20;
  const shown = long ? `(list of length ${options.length})` : repr(options);
  const extra = { ...about(spec), ...(long && { input_config: null }), received_value: value };
  return { type: 'value_not_in_list', message: 'Value not in list', details: `${spec.name}: '${typeText(value)}' not in ${shown}`, extra_info: extra };
}

export function custom(input: string, reason: string): NodeError {
  return { type: 'custom_validation_failed', message: 'Custom validation failed for node', details: `${input} - ${reason}`, extra_info: { input_name: input } };
}

/** The output node itself could not be looked at. */
export function exception(error: PythonError): NodeError {
  const extra = { exception_type: error.type, traceback: trace('validate_prompt', 'validate_inputs') };
  return { type: 'exception_during_validation', message: 'Exception when validating node', details: error.message, extra_info: extra };
}

/** A node that feeds `spec` could not be looked at. */
export function innerException(spec: InputSpec, link: unknown, error: PythonError): NodeError {
  const extra = {
    ...about(spec), exception_message: error.message, exception_type: error.type,
    traceback: trace('validate_inputs', 'validate_inputs'), linked_node: link,
  };
  return { type: 'exception_during_inner_validation', message: 'Exception when validating inner node', details: error.message, extra_info: extra };
}

const trace = (...frames: string[]): string[] => frames.map((frame) => `  File "sandbox", in ${frame}\n    <source line>\n`);

function typeText(value: unknown): string {
  return typeof value === 'string' ? value : repr(value);
}
