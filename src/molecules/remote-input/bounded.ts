import { type Readable, Transform } from 'node:stream';
import { HttpFailure } from '../../core/http-failure.ts';
import { reasonOf } from '../../core/errors.ts';

/**
 * The same bytes, up to `maxBytes`: then it fails with `tooLarge()`. What breaks the connection arrives as HttpFailure, so that
 * whoever reads can tell it from a failure of their own. Destroying it destroys its source.
 */
export function bounded(source: Readable, maxBytes: number, tooLarge: () => Error): Transform {
  let size = 0;
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > maxBytes) done(tooLarge());
      else done(null, chunk);
    },
  });
  const broken = (error: unknown): HttpFailure => (error instanceof HttpFailure ? error : new HttpFailure('cut', `the connection broke (${reasonOf(error)})`, { cause: error }));
  source.on('error', (error) => void through.destroy(broken(error)));
  through.on('error', () => undefined).once('close', () => source.destroy());
  return source.pipe(through);
}
