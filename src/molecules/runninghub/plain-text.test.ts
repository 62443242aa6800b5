import { describe, expect, it, test } from 'vitest';
import { plainText } from './plain-text.ts';

describe('plain text', () => {
  test.each([
    ['<p>基于 LoRA 的工作流。</p>', '基于 LoRA 的工作流。'],
    ['one<br>two<p>three</p>', 'one\ntwo\nthree'],
    ['<b onclick="x()">bold</b> &amp; <i>thin</i>', 'bold & thin'],
    ['a &lt; b, 3 < 4 > 2', 'a < b, 3 < 4 > 2'],
    ['x<script>alert("1")</script>y<style>p{}</style>z', 'xyz'],
    ['x<!-- <b>hidden</b> -->y', 'xy'],
    ['&#20320;&#x597D;&hellip;&nbsp;&unknown;', '你好… &unknown;'],
    ['tail <img src=x onerror=alert(1)', 'tail'],
    ['a\n\n\n\n\nb    c', 'a\n\nb c'],
    ['', ''],
  ])('of %j is %j', (html, text) => {
    expect(plainText(html)).toBe(text);
  });

  test.each([
    '&lt;script&gt;alert(1)&lt;/script&gt;',
    '&amp;lt;img src=x onerror=alert(1)&amp;gt;',
    '&amp;amp;amp;amp;lt;img src=x&gt;',
    '<<b>script>alert(1)<</b>/script>',
    '<scr<script>ipt>alert(1)</scr</script>ipt>',
    '&#60;iframe src=x&#62;',
  ])('begins no tag, however it is wrapped: %s', (html) => {
    expect(plainText(html)).not.toMatch(/<[a-z/!?]/i);
  });

  it('takes no time to speak of for text made to take long', () => {
    for (const piece of ['<script', '<a ', '<!--', '&lt;', '<br ', '< ']) {
      const begun = performance.now();
      plainText(piece.repeat(200_000));
      expect(performance.now() - begun, piece).toBeLessThan(2_000);
    }
  });
});
