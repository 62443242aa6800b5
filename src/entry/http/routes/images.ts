import { z } from 'zod';
import { service } from '../../../constants/service.ts';
import type { UploadDetails } from '../../../coordinator/images/image-coordinator.ts';
import { fail } from '../../../core/errors.ts';
import { DownloadQuery, FileQuery, FileType, UploadAnswer, UrlAnswer } from '../../../models/file.ts';
import { bodySilence } from '../body.ts';
import { sendFile } from '../file-answer.ts';
import { invalid } from '../problem.ts';
import { route, type Route, type RouteContext } from '../route.ts';
import { bytesOf, type RouteDeps } from './deps.ts';

const yes = z
  .string()
  .trim()
  .toLowerCase()
  .pipe(z.enum(['true', 'false', '1', '0', 'yes', 'no', 'on', 'off']))
  .default('false');
const UploadFields = z.strictObject({
  overwrite: yes.meta({ description: "Replace the caller's own file of that name." }),
  subfolder: z.string().max(1024).default(''),
  type: FileType.default('input'),
});
const UploadForm = UploadFields.extend({ file: z.string().meta({ format: 'binary', description: 'The file. `image` is taken as its name too.' }) }).meta({ id: 'UploadForm' });
const fileFields = new Set(['file', 'image']);

type UploadDeps = Pick<RouteDeps, 'config' | 'images' | 'readMultipart'>;

export function imageRoutes(deps: UploadDeps): Route[] {
  return [
    route({
      method: 'post',
      path: `${service.api}/images/upload`,
      id: 'uploadImage',
      tag: 'Images',
      summary: 'Hand a file over',
      description: 'A multipart form: the file, which is streamed, and `overwrite`, `subfolder` and `type`. Fields in front of the file are checked before it is read.',
      form: UploadForm,
      deadline: 0,
      answers: { 200: { description: 'Stored; use `name` in a graph.', schema: UploadAnswer } },
      errors: ['VALIDATION_ERROR', 'UNSUPPORTED_MEDIA_TYPE', 'PAYLOAD_TOO_LARGE', 'FILE_OPERATION_ERROR', 'CONFLICT', 'CONNECTION_ERROR', 'UPSTREAM_ERROR'],
      run: (context) => upload(deps, context),
    }),
    route({
      method: 'get',
      path: `${service.api}/images/url`,
      id: 'getImageUrl',
      tag: 'Images',
      summary: 'URL of a file',
      description: 'Where to fetch that file, with its `prompt_id` where it is an output.',
      query: FileQuery,
      answers: { 200: { description: 'The URL.', schema: UrlAnswer } },
      errors: ['IMAGE_NOT_FOUND', 'FILE_OPERATION_ERROR'],
      run: async ({ caller, query }) => ({ url: await deps.images.url(caller, query) }),
    }),
    downloadRow(deps, 'get'),
    downloadRow(deps, 'head'),
  ];
}

function downloadRow({ images }: UploadDeps, method: 'get' | 'head'): Route {
  return route({
    method,
    path: service.download,
    id: method === 'get' ? 'downloadImage' : 'describeImage',
    tag: 'Images',
    summary: method === 'get' ? 'Fetch a file' : 'Headers of a file',
    description: 'Streamed, with Range, ETag and Last-Modified. `format`, `quality`, `width` and `height` convert a picture of up to 50 million pixels. Without a `prompt_id`: the newest output of that name.',
    query: DownloadQuery,
    deadline: 0,
    answers: {
      200: { description: 'The whole file.', contentType: '*/*' },
      206: { description: 'The part that Range asked for.', contentType: '*/*' },
      304: { description: 'Not changed since.' },
      416: { description: 'The file has no such part; Content-Range tells its size.' },
    },
    errors: ['IMAGE_NOT_FOUND', 'FILE_OPERATION_ERROR', 'CONNECTION_ERROR', 'UPSTREAM_ERROR', 'UNSUPPORTED_MEDIA_TYPE', 'PAYLOAD_TOO_LARGE', 'QUEUE_FULL', 'TASK_TIMEOUT'],
    run: async ({ caller, query, signal, request, response }) => {
      const { range, 'if-none-match': ifNoneMatch, 'if-range': ifRange, 'if-modified-since': ifModifiedSince } = request.headers;
      const { format, quality, width, height, ...file } = query;
      const conditions = { range, ifNoneMatch, ifRange: typeof ifRange === 'string' ? ifRange : undefined, ifModifiedSince, head: method === 'head' };
      const answer = await images.download(caller, { query: file, conditions, conversion: { format, quality, width, height } }, signal);
      await sendFile(answer, { response, signal, head: method === 'head' });
    },
  });
}

async function upload({ config, images, readMultipart }: UploadDeps, { caller, request, signal }: RouteContext): Promise<UploadAnswer> {
  const limits = { fileBytes: bytesOf(config.MAX_UPLOAD_MB), fileBytesName: 'MAX_UPLOAD_MB', fieldBytes: 4_096, fields: 16, silence: bodySilence };
  const { fields, file } = await readMultipart(request, { headers: request.headers, limits, signal });
  try {
    if (!fileFields.has(file.field)) throw fail('VALIDATION_ERROR', `the file stands in the field "${file.field}"; it must be "file"`);
    if (file.filename === '') throw fail('VALIDATION_ERROR', 'the file has no name');
    return await images.upload(caller, { filename: file.filename, body: file.body, details: () => detailsOf(fields()) }, signal);
  } finally {
    file.body.destroy();
  }
}

/** Throws VALIDATION_ERROR. */
function detailsOf(fields: Readonly<Record<string, string>>): UploadDetails {
  const parsed = UploadFields.safeParse(fields);
  if (!parsed.success) throw invalid('form', parsed.error, fields);
  const { overwrite, subfolder, type } = parsed.data;
  return { overwrite: ['true', '1', 'yes', 'on'].includes(overwrite), subfolder, type };
}
