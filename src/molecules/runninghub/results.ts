import { type Readable, Transform } from 'node:stream';
import type { PublicHttp } from '../../atoms/public-http/public-http.ts';
import { shownAddress } from '../../atoms/public-http/shown-address.ts';
import { limits } from '../../constants/limits.ts';
import { service } from '../../constants/service.ts';
import { fail, failedWith } from '../../core/errors.ts';
import { HttpFailure } from '../../core/http-failure.ts';

/** Milliseconds until a result begins to come, and without a byte of it. */
const PATIENCE = { timeoutMs: 30_000, idleMs: 30_000 };

/** Where results lie, as far as is known; `download_hosts` of an engine takes their place. */
export const usualResultHosts = ['*.xiaoyaoyou.com', '*.myqcloud.com'] as const;

/** Fetches results from where RunningHub put them: allowed hosts only, without the key. */
export class HubResults {
  readonly #http: PublicHttp;

  constructor(http: PublicHttp) {
    this.#http = http;
  }

  /**
   * The bytes as a stream, which fails when the connection breaks. Throws IMAGE_NOT_FOUND for what is gone, as after a day,
   * FILE_OPERATION_ERROR for an address that is not allowed or a file that is too large, CONNECTION_ERROR and UPSTREAM_ERROR.
   */
  async open(url: string, signal: AbortSignal): Promise<{ readonly body: Readable; readonly size: number | undefined }> {
    const { status, headers, body } = await this.#answer(url, signal);
    const size = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
    if (status === 200 && size === 0) throw emptied(body, url);
    if (status === 200 && (size ?? 0) <= limits.runninghubResultBytes) return { body: bounded(body, url), size };
    body.destroy();
    if (status === 200) throw tooLarge(url);
    if (status === 403 || status === 404 || status === 410) throw fail('IMAGE_NOT_FOUND', `${shownAddress(url)} answered ${status}; results of RunningHub are there for a day.`);
    throw fail('UPSTREAM_ERROR', `${shownAddress(url)} answered ${status}.`);
  }

  async #answer(url: string, signal: AbortSignal): ReturnType<PublicHttp['open']> {
    try {
      return await this.#http.open({ method: 'GET', url, headers: { 'user-agent': service.name }, ...PATIENCE, maxRedirects: limits.remoteRedirects }, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HttpFailure) throw fail('CONNECTION_ERROR', `${shownAddress(url)}: ${error.message}.`, { cause: error });
      if (failedWith(error, 'VALIDATION_ERROR')) throw fail('FILE_OPERATION_ERROR', `${error.detail.replace(/\.$/, '')}; name its host in download_hosts of the engine if it is one of RunningHub.`, { cause: error, status: 400 });
      throw error;
    }
  }
}

/** No result is empty: it is asked for again. */
function emptied(body: Readable, url: string): Error {
  body.destroy();
  return fail('UPSTREAM_ERROR', `${shownAddress(url)} answered with an empty file.`);
}

const tooLarge = (url: string): Error => fail('FILE_OPERATION_ERROR', `${shownAddress(url)} has more than ${limits.runninghubResultBytes} bytes.`, { status: 400 });

/** The same bytes, up to the limit. Destroying it destroys its source. */
function bounded(source: Readable, url: string): Readable {
  let size = 0;
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > limits.runninghubResultBytes) done(tooLarge(url));
      else done(null, chunk);
    },
  });
  source.on('error', (error) => void through.destroy(fail('CONNECTION_ERROR', `${shownAddress(url)}: the connection broke.`, { cause: error })));
  through.on('error', () => undefined).once('close', () => source.destroy());
  return source.pipe(through);
}
