/**
 * From `fieldData` to what it says of an input. It is JSON in a text, of several grammars: `["INT", {…}]`, `[{}, {…}]`,
 * `[["a", "b"], {…}]`, and a list of `{name, index, description}` that ends with `{default}`. Pure.
 */
import type { HubAppInput } from '../../models/runninghub.ts';
import { isRecord, jsonOf, textOf } from './wire.ts';

export interface FieldData {
  readonly type?: string;
  readonly options?: { value: string; label?: string }[];
  readonly default?: string | number | boolean;
  readonly min?: number | string;
  readonly max?: number | string;
  readonly step?: number | string;
  readonly multiline?: boolean;
  readonly tooltip?: string;
  readonly upload?: NonNullable<HubAppInput['upload']>;
}

/** Whatever cannot be read says nothing. */
export function fieldDataOf(text: unknown): FieldData {
  const parsed = typeof text === 'string' ? jsonOf(text) : text;
  if (!Array.isArray(parsed)) return {};
  const entries: readonly unknown[] = parsed;
  const [kind, settings] = entries;
  if (typeof kind === 'string') return { type: kind, ...settingsOf(settings) };
  if (Array.isArray(kind)) return { options: kind.flatMap(optionOf), ...settingsOf(settings) };
  return isDeclaration(entries) ? settingsOf(settings) : choices(entries);
}

/** `[{}, {…}]`: the list of a model input, left blank. */
const isDeclaration = ([kind]: readonly unknown[]): boolean => isRecord(kind) && Object.keys(kind).length === 0;

function choices(entries: readonly unknown[]): FieldData {
  const last = entries.findLast((entry) => isRecord(entry) && Object.hasOwn(entry, 'default'));
  const options = entries.filter((entry) => entry !== last).flatMap(optionOf);
  const given = isRecord(last) ? plainOf(last['default']) : undefined;
  return { ...(options.length > 0 ? { options } : {}), ...(given === undefined ? {} : { default: given }) };
}

function optionOf(entry: unknown): { value: string; label?: string }[] {
  if (!isRecord(entry)) {
    const value = textOf(entry);
    return value === undefined ? [] : [{ value }];
  }
  const value = textOf(entry['index']) ?? textOf(entry['name']);
  if (value === undefined) return [];
  const label = textOf(entry['description']) || textOf(entry['name']);
  return [{ value, ...(label && label !== value ? { label } : {}) }];
}

function settingsOf(settings: unknown): FieldData {
  if (!isRecord(settings)) return {};
  const options = Array.isArray(settings['options']) ? settings['options'].flatMap(optionOf) : [];
  const [given, min, max, step] = [plainOf(settings['default']), numberOf(settings['min']), numberOf(settings['max']), numberOf(settings['step'])];
  const upload = (['image', 'audio', 'video'] as const).find((kind) => settings[`${kind}_upload`] === true);
  return {
    ...(options.length > 0 ? { options } : {}),
    ...(given === undefined ? {} : { default: given }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(step === undefined ? {} : { step }),
    ...(typeof settings['multiline'] === 'boolean' ? { multiline: settings['multiline'] } : {}),
    ...(typeof settings['tooltip'] === 'string' ? { tooltip: settings['tooltip'] } : {}),
    ...(upload === undefined ? {} : { upload }),
  };
}

/** Digits beyond 2^53 stay a text. */
function numberOf(value: unknown): number | string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return JSON.isRawJSON(value) ? value.rawJSON : undefined;
}

function plainOf(value: unknown): string | number | boolean | undefined {
  return typeof value === 'string' || typeof value === 'boolean' ? value : numberOf(value);
}
