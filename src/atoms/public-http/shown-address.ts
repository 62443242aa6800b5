import { limits } from '../../constants/limits.ts';

/** An address as people may read it: where it is and its path. Its query and its credentials, which may be secrets, are not told. Pure. */
export function shownAddress(url: string): string {
  if (!URL.canParse(url)) return 'an address that is no URL';
  const { protocol, host, pathname } = new URL(url);
  const text = host === '' ? protocol : `${protocol}//${host}${pathname}`;
  return text.length > limits.told ? `${text.slice(0, limits.told)}…` : text;
}
