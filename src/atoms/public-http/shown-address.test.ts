import { expect, it } from 'vitest';
import { shownAddress } from './shown-address.ts';

it.each([
  ['https://me:secret@example.org:8443/a/b.png?token=secret#secret', 'https://example.org:8443/a/b.png'],
  ['http://0x7f000001?secret', 'http://127.0.0.1/'],
  ['data:image/png;base64,secret', 'data:'],
  ['secret', 'an address that is no URL'],
  [`http://example.org/${'a'.repeat(500)}`, `http://example.org/${'a'.repeat(181)}…`],
])('%j is shown without what may be secret', (url, shown) => {
  expect(shownAddress(url)).toBe(shown);
});
