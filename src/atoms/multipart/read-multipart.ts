/** Streams a multipart form through busboy: fields, and one file that is pulled and never held whole. */
import { Readable } from 'node:stream';
import busboy from 'busboy';
import { fail } from '../../core/errors.ts';

export interface MultipartLimits {
  readonly fileBytes: number;
  /** Variable that sets `fileBytes`, for the refusal. */
  readonly fileBytesName: string;
  readonly fieldBytes: number;
  readonly fields: number;
  /** Milliseconds without a byte. */
  readonly silence: number;
}

export interface MultipartOptions {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly limits: MultipartLimits;
  readonly signal: AbortSignal;
}

export interface MultipartForm {
  /** Those that have arrived: what stands before the file; all of them once `body` has ended. */
  readonly fields: () => Readonly<Record<string, string>>;
  readonly file: { readonly field: string; readonly filename: string; readonly mediaType: string; readonly body: Readable };
}

/**
 * Resolves when the file begins. `body` ends only when the whole form was right: a second file, a file over
 * the limit or a form cut short make it fail instead, so that nothing incomplete is taken for complete.
 * Fails with UNSUPPORTED_MEDIA_TYPE, VALIDATION_ERROR, PAYLOAD_TOO_LARGE, TASK_TIMEOUT (408), CONNECTION_ERROR or the
 * reason of `signal`. The source is left open: whoever refuses the form can still answer.
 */
export async function readMultipart(source: Readable, options: MultipartOptions): Promise<MultipartForm> {
  const type = options.headers['content-type'];
  if (typeof type !== 'string' || !/^multipart\/form-data\s*;/i.test(type)) throw fail('UNSUPPORTED_MEDIA_TYPE', `got ${typeof type === 'string' ? `"${type}"` : 'no Content-Type'}; this call takes multipart/form-data`);
  return new FormReader(source, openParser(options), options).form;
}

function openParser({ headers, limits }: MultipartOptions): busboy.Busboy {
  try {
    // busboy refuses at its limit, not beyond it, and counts down to exactly zero.
    return busboy({
      headers: { 'content-type': String(headers['content-type']) },
      defParamCharset: 'utf8',
      highWaterMark: 1024 * 1024,
      fileHwm: 1024 * 1024,
      limits: { fieldNameSize: 100, fieldSize: limits.fieldBytes, fields: limits.fields + 1, fileSize: Math.floor(limits.fileBytes) + 1, headerPairs: 50 },
    });
  } catch (error) {
    throw fail('UNSUPPORTED_MEDIA_TYPE', 'the multipart Content-Type names no boundary', { cause: error });
  }
}

class FormReader {
  readonly form: Promise<MultipartForm>;
  readonly #source: Readable;
  readonly #parser: busboy.Busboy;
  readonly #options: MultipartOptions;
  readonly #begun = Promise.withResolvers<MultipartForm>();
  /** Settles when the form is over. */
  readonly #over = Promise.withResolvers<undefined>();
  readonly #fields = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;
  #file: Readable | undefined;
  #done = false;

  constructor(source: Readable, parser: busboy.Busboy, options: MultipartOptions) {
    this.#source = source;
    this.#parser = parser;
    this.#options = options;
    this.form = this.#begun.promise;
    this.#over.promise.catch(() => undefined);
    this.#timer = setTimeout(this.#onSilence, options.limits.silence);
    parser.on('field', (name, value, info) => this.#onField(name, value, info.valueTruncated || info.nameTruncated));
    parser.on('file', (name, stream, info) => this.#onFile(name, stream, info));
    parser.on('error', (error) => this.#refuse('the form is broken or ends too early', error));
    parser.on('close', () => this.#onClose());
    source.on('data', this.#onData).on('close', this.#onSourceClose).on('error', this.#onSourceClose);
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal.aborted) this.#onAbort();
    else source.pipe(parser);
  }

  readonly #onData = (): void => void this.#timer.refresh();

  readonly #onAbort = (): void => this.#fail(this.#options.signal.reason);

  readonly #onSourceClose = (): void => {
    if (!this.#source.readableEnded) this.#fail(fail('CONNECTION_ERROR', 'the caller hung up before the form was complete'));
  };

  /** Silence while the parser waits for whoever stores the file is not the caller's. */
  readonly #onSilence = (): void => {
    if (this.#parser.writableNeedDrain) this.#timer.refresh();
    else this.#fail(fail('TASK_TIMEOUT', `no byte of the form arrived for ${this.#options.limits.silence / 1_000} s`, { status: 408 }));
  };

  #onField(name: string, value: string, cut: boolean): void {
    if (cut) return this.#refuse(`the field "${name}" is longer than ${this.#options.limits.fieldBytes} bytes`);
    if (this.#fields.has(name)) return this.#refuse(`the field "${name}" stands twice`);
    this.#fields.set(name, value);
    if (this.#fields.size > this.#options.limits.fields) this.#refuse(`more than ${this.#options.limits.fields} fields`);
  }

  #onFile(field: string, stream: Readable, info: busboy.FileInfo): void {
    stream.on('error', () => undefined);
    if (this.#file !== undefined) return this.#refuse('more than one file');
    this.#file = stream;
    stream.once('limit', () => this.#fail(fail('PAYLOAD_TOO_LARGE', `the file has more than ${this.#options.limits.fileBytes} bytes, the limit set by ${this.#options.limits.fileBytesName}`)));
    const body = Readable.from(contents(stream, this.#over.promise), { objectMode: false });
    // Not 'close': a body that is let go of closes only when nothing more is waited for, and what it waits for comes from the source.
    const destroy = body._destroy.bind(body);
    body._destroy = (error, done) => {
      this.#stop();
      this.#over.resolve(undefined);
      destroy(error, done);
    };
    this.#begun.resolve({ fields: () => Object.fromEntries(this.#fields), file: { field, filename: info.filename ?? '', mediaType: info.mimeType, body } });
  }

  #onClose(): void {
    if (this.#done) return;
    if (this.#file === undefined) return this.#refuse('the form has no file');
    this.#stop();
    this.#over.resolve(undefined);
  }

  #refuse(what: string, cause?: unknown): void {
    this.#fail(fail('VALIDATION_ERROR', what, cause === undefined ? {} : { cause }));
  }

  #fail(reason: unknown): void {
    if (this.#done) return;
    this.#stop();
    this.#begun.reject(reason);
    this.#over.reject(reason);
    this.#file?.destroy();
  }

  /** Lets go of the source: nothing of it is read here any more. */
  #stop(): void {
    if (this.#done) return;
    this.#done = true;
    clearTimeout(this.#timer);
    this.#source.unpipe(this.#parser);
    this.#source.off('data', this.#onData).off('close', this.#onSourceClose).off('error', this.#onSourceClose);
    this.#options.signal.removeEventListener('abort', this.#onAbort);
  }
}

/** The file's bytes; the end is held back until the form is over. A file cut off fails with what was wrong with the form. */
async function* contents(file: Readable, over: Promise<undefined>): AsyncGenerator<unknown, void> {
  try {
    yield* file;
  } catch (error) {
    await over;
    throw error;
  }
  await over;
}
