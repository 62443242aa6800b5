/** From HTML to plain text: tags, scripts and comments go, entities become what they stand for. Pure, and takes time in proportion to the text. */

const dropped = /<(script|style|template|noscript|iframe|object|svg|math)\b[^>]{0,1000}>[\s\S]*?(?:<\/\1\s*>|$)/gi;
const comments = /<!--[\s\S]*?(?:-->|$)/g;
const breaks = /<(?:br|hr|\/?(?:p|div|li|ul|ol|tr|table|h[1-6]|blockquote|pre|section|article))\b[^>]{0,1000}>/gi;
const tags = /<[a-z/!?][^>]*(?:>|$)/gi;
const numbers = /&#(\d{1,7}|x[\da-f]{1,6});?/gi;
const names = /&([a-z]{2,6});?/gi;
const named: ReadonlyMap<string, string> = new Map([['amp', '&'], ['lt', '<'], ['gt', '>'], ['quot', '"'], ['apos', "'"], ['nbsp', ' '], ['hellip', '…'], ['mdash', '—'], ['ndash', '–'], ['copy', '©']]);

/** Longest description that is read: what lies behind is cut. */
const LONGEST = 20_000;
/** Markup may be written inside markup; what is left after so many rounds is taken apart. */
const ROUNDS = 4;

/** Nothing of the result begins a tag, even if somebody puts it into a page as it is. */
export function plainText(html: string): string {
  let text = html.slice(0, LONGEST);
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = text;
    text = decoded(text.replace(comments, '').replace(dropped, '').replace(breaks, '\n').replace(tags, ''));
    if (text === before) break;
  }
  return text
    .replace(/<(?=[a-z/!?])/gi, '')
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

function decoded(text: string): string {
  return text
    .replace(numbers, (_whole, digits: string) => {
      const point = Number(/^x/i.test(digits) ? `0${digits}` : digits);
      return point >= 0x20 && point <= 0x10_ff_ff ? String.fromCodePoint(point) : ' ';
    })
    .replace(names, (whole, name: string) => named.get(name.toLowerCase()) ?? whole);
}
