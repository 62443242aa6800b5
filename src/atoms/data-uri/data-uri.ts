import { limits } from '../../constants/limits.ts';
import { fail } from '../../core/errors.ts';

export interface Decoded {
  /** In lower case, without parameters; text/plain where none is given. */
  readonly mediaType: string;
  readonly bytes: Buffer;
}

const PERCENT = 0x25;

/**
 * The content of a data URI (RFC 2397): `data:image/png;base64,…` or percent-encoded. base64 may have line breaks, lack its
 * padding and use the alphabet of URLs. Throws VALIDATION_ERROR, and PAYLOAD_TOO_LARGE before more than `maxBytes` are made.
 */
export function decodeDataUri(text: string, maxBytes: number): Decoded {
  const comma = text.indexOf(',');
  if (!/^data:/i.test(text) || comma < 0) throw fail('VALIDATION_ERROR', 'a data URI begins with "data:", a media type and a comma, as in data:image/png;base64,….');
  const [mediaType = '', ...parameters] = text.slice('data:'.length, comma).split(';').map((part) => part.trim().toLowerCase());
  if (mediaType !== '' && !/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(mediaType)) throw fail('VALIDATION_ERROR', `"${mediaType.slice(0, limits.told)}" of a data URI is no media type.`);
  const data = text.slice(comma + 1);
  const bytes = parameters.at(-1) === 'base64' ? fromBase64(data, maxBytes) : fromPercent(data, maxBytes);
  return { mediaType: mediaType || 'text/plain', bytes };
}

function fromBase64(data: string, maxBytes: number): Buffer {
  const plain = data.includes('%') ? percentDecoded(data).toString('latin1') : data;
  const digits = plain.replace(/[\t\n\f\r ]+/g, '').replace(/={1,2}$/, '');
  checkSize(Math.floor((digits.length * 3) / 4), maxBytes);
  const wrong = /[^A-Za-z0-9+/_-]/.exec(digits);
  if (wrong) throw fail('VALIDATION_ERROR', `the data URI is not base64: it contains ${JSON.stringify(wrong[0])}.`);
  if (digits.length % 4 === 1) throw fail('VALIDATION_ERROR', `the data URI is not base64: ${digits.length} digits cannot be whole bytes; it may be cut off.`);
  return Buffer.from(digits, 'base64');
}

function fromPercent(data: string, maxBytes: number): Buffer {
  checkSize(Math.ceil(data.length / 3), maxBytes);
  const bytes = percentDecoded(data);
  checkSize(bytes.length, maxBytes);
  return bytes;
}

/** `%41` is the byte 0x41; a percent sign without two digits stands for itself, as in browsers. */
function percentDecoded(data: string): Buffer {
  const bytes = Buffer.from(data, 'utf8');
  let length = 0;
  for (let at = 0; at < bytes.length; at += 1, length += 1) {
    const byte = bytes[at] === PERCENT ? hexAt(bytes, at + 1) : undefined;
    bytes[length] = byte ?? bytes[at] ?? 0;
    if (byte !== undefined) at += 2;
  }
  return bytes.subarray(0, length);
}

function hexAt(bytes: Buffer, at: number): number | undefined {
  const digits = bytes.toString('latin1', at, at + 2);
  return /^[0-9a-f]{2}$/i.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

function checkSize(size: number, maxBytes: number): void {
  if (size > maxBytes) throw fail('PAYLOAD_TOO_LARGE', `the data URI has ${size} bytes or more, ${maxBytes} are allowed.`);
}
