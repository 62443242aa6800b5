/** From apiCallDemo to an app and its inputs, without the sample call. Pure. */
import type { HubApp, HubAppInput } from '../../models/runninghub.ts';
import { type FieldData, fieldDataOf } from './field-data.ts';
import { plainText } from './plain-text.ts';
import { type App, type AppInput, textOf } from './wire.ts';

export function appOf(app: App): HubApp {
  return {
    name: plainText(app.webappName ?? ''),
    description: plainText(app.description ?? ''),
    description_en: plainText(app.descriptionEn ?? ''),
    needs_password: app.accessEncrypted,
    statistics: Object.fromEntries(Object.entries(app.statisticsInfo).flatMap(([name, value]) => (textOf(value) === undefined ? [] : [[name, textOf(value) ?? '']]))),
    covers: app.covers.filter((cover) => isAddress(cover.url)).map((cover) => ({
      url: cover.url,
      ...(isAddress(cover.thumbnailUri) ? { thumbnail_url: cover.thumbnailUri } : {}),
      ...(cover.imageWidth === undefined ? {} : { width: cover.imageWidth }),
      ...(cover.imageHeight === undefined ? {} : { height: cover.imageHeight }),
    })),
    tags: app.tags.map((tag) => ({
      ...(tag.id === undefined ? {} : { id: tag.id }),
      name: plainText(tag.name),
      ...(tag.nameEn === undefined ? {} : { name_en: plainText(tag.nameEn) }),
    })),
    inputs: app.nodeInfoList.map(inputOf),
  };
}

const isAddress = (text: string | undefined): text is string => text !== undefined && /^https?:\/\//i.test(text);

const uploads: ReadonlyMap<string, NonNullable<HubAppInput['upload']>> = new Map([['IMAGE', 'image'], ['AUDIO', 'audio'], ['VIDEO', 'video']]);

function inputOf(input: AppInput): HubAppInput {
  const data = fieldDataOf(input.fieldData);
  const type = input.fieldType ?? data.type ?? 'STRING';
  const upload = data.upload ?? uploads.get(type.toUpperCase());
  return {
    node_id: input.nodeId,
    class_type: input.nodeName ?? '',
    field: input.fieldName,
    type,
    ...(input.fieldValue === undefined ? {} : { value: input.fieldValue }),
    ...labelsOf(input),
    ...settingsOf(data),
    ...(upload === undefined && data.options ? { options: data.options } : {}),
    ...(upload === undefined ? {} : { upload }),
  };
}

function labelsOf(input: AppInput): Pick<HubAppInput, 'label' | 'label_cn' | 'label_en'> {
  return {
    ...(input.description === undefined ? {} : { label: plainText(input.description) }),
    ...(input.descriptionCn === undefined ? {} : { label_cn: plainText(input.descriptionCn) }),
    ...(input.descriptionEn === undefined ? {} : { label_en: plainText(input.descriptionEn) }),
  };
}

function settingsOf(data: FieldData): Pick<HubAppInput, 'default' | 'min' | 'max' | 'step' | 'multiline' | 'tooltip'> {
  return {
    ...(data.default === undefined ? {} : { default: data.default }),
    ...(data.min === undefined ? {} : { min: data.min }),
    ...(data.max === undefined ? {} : { max: data.max }),
    ...(data.step === undefined ? {} : { step: data.step }),
    ...(data.multiline === undefined ? {} : { multiline: data.multiline }),
    ...(data.tooltip === undefined ? {} : { tooltip: plainText(data.tooltip) }),
  };
}
