import type { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { parseJson } from '../../atoms/json/json.ts';
import { fail } from '../../core/errors.ts';
import { upstreamFailure, upstreamStatus } from '../../core/http-failure.ts';
import type { ComfyuiFiles, UpstreamFile, UpstreamUpload, ViewRequest } from '../../models/comfyui-files.ts';
import type { Instance } from '../../models/instance.ts';
import { Uploaded } from './wire.ts';

/** Brings files to instances and fetches them (POST /upload/image, GET /view). Facts: http/upload-image.json, http/view.json. */
export class HttpComfyuiFiles implements ComfyuiFiles {
  readonly #http: HttpStream;
  readonly #timeouts: { readonly uploadMs: number; readonly idleMs: number };

  constructor(http: HttpStream, timeouts: { uploadMs: number; idleMs: number }) {
    this.#http = http;
    this.#timeouts = timeouts;
  }

  async upload(instance: Instance, file: UpstreamUpload, signal: AbortSignal): Promise<{ name: string; subfolder: string; type: string }> {
    const call = {
      url: `${instance.url}/upload/image`,
      headers: instance.headers,
      fields: { overwrite: 'true', type: file.type, subfolder: file.subfolder },
      file: { field: 'image', filename: file.name, contentType: file.mediaType, size: file.size, body: file.open() },
      timeoutMs: this.#timeouts.uploadMs,
    };
    const answer = await this.#http.upload(call, signal).catch((error: unknown) => {
      throw upstreamFailure(instance.name, error);
    });
    if (answer.status === 413) throw fail('PAYLOAD_TOO_LARGE', `instance ${instance.name} does not take files of ${file.size} bytes (its own limit; ComfyUI has --max-upload-size).`);
    if (answer.status !== 200) throw upstreamStatus(instance.name, 'POST /upload/image', answer);
    return read(instance, answer.text);
  }

  async view(instance: Instance, request: ViewRequest, signal: AbortSignal): Promise<UpstreamFile> {
    const query = new URLSearchParams({ filename: request.ref.filename, subfolder: request.ref.subfolder, type: request.ref.type });
    const headers = {
      ...instance.headers,
      ...(request.range ? { Range: request.range } : {}),
      ...(request.ifNoneMatch ? { 'If-None-Match': request.ifNoneMatch } : {}),
      ...(request.ifModifiedSince ? { 'If-Modified-Since': request.ifModifiedSince } : {}),
    };
    const call = { method: request.head ? 'HEAD' : 'GET', url: `${instance.url}/view?${query.toString()}`, headers, idleMs: this.#timeouts.idleMs } as const;
    const answer = await this.#http.open(call, signal).catch((error: unknown) => {
      throw upstreamFailure(instance.name, error);
    });
    const status = statusOf(answer.status);
    if (status === undefined) {
      answer.body.destroy();
      throw upstreamStatus(instance.name, 'GET /view', { status: answer.status, text: '' });
    }
    const length = answer.headers['content-length'];
    return {
      status,
      headers: {
        contentType: answer.headers['content-type'],
        contentLength: length === undefined ? undefined : Number(length),
        contentRange: answer.headers['content-range'],
        etag: answer.headers['etag'],
        lastModified: answer.headers['last-modified'],
      },
      body: answer.body,
    };
  }
}

/** A name that /view does not take (400, 403) is one that it does not have. */
function statusOf(status: number): UpstreamFile['status'] | undefined {
  if (status === 200 || status === 206 || status === 304 || status === 416) return status;
  return status === 404 || status === 400 || status === 403 ? 404 : undefined;
}

function read(instance: Instance, text: string): { name: string; subfolder: string; type: string } {
  try {
    return Uploaded.parse(parseJson(text));
  } catch (error) {
    throw fail('UPSTREAM_ERROR', `instance ${instance.name} answered POST /upload/image with something that is not ComfyUI's.`, { cause: error });
  }
}
