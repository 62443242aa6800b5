import { describe, expect, it } from 'vitest';
import { fail } from '../../core/errors.ts';
import { type KnownUrl, KnownUrls } from './known-urls.ts';

const patient = new AbortController().signal;

/** A fetch that answers when it is told to, and counts its calls. */
function fetching() {
  const calls: (KnownUrl<string> | undefined)[] = [];
  const answers: PromiseWithResolvers<KnownUrl<string>>[] = [];
  const fetch = (known: KnownUrl<string> | undefined): Promise<KnownUrl<string>> => {
    const answer = Promise.withResolvers<KnownUrl<string>>();
    calls.push(known);
    answers.push(answer);
    return answer.promise;
  };
  return { calls, answers, fetch };
}

describe('URLs that are known', () => {
  it('are fetched once for all who want one at the same time', async () => {
    const urls = new KnownUrls<string>();
    const { calls, answers, fetch } = fetching();
    const all = Array.from({ length: 50 }, () => urls.share('a', fetch, patient));
    answers[0]?.resolve({ value: 'picture' });
    expect(new Set(await Promise.all(all))).toEqual(new Set(['picture']));
    expect(calls).toHaveLength(1);
  });

  it('are fetched apart where they are different', async () => {
    const urls = new KnownUrls<string>();
    expect(await Promise.all(['a', 'b'].map((key) => urls.share(key, () => Promise.resolve({ value: key }), patient)))).toEqual(['a', 'b']);
  });

  it('are asked for changes later, with what the server said of them', async () => {
    const urls = new KnownUrls<string>();
    const found = { value: 'picture', etag: '"1"' };
    await urls.share('a', () => Promise.resolve(found), patient);
    const seen: unknown[] = [];
    await urls.share('a', (known) => Promise.resolve(seen.push(known)).then(() => found), patient);
    expect(seen).toEqual([found]);
  });

  it('are fetched as a whole again where the server said nothing to ask by', async () => {
    const urls = new KnownUrls<string>();
    const { calls, answers, fetch } = fetching();
    for (let n = 0; n < 2; n += 1) {
      const shared = urls.share('a', fetch, patient);
      answers[n]?.resolve({ value: 'picture' });
      await shared;
    }
    expect(calls).toEqual([undefined, undefined]);
  });

  it('do not remember a failure: who comes next tries again', async () => {
    const urls = new KnownUrls<string>();
    const broken = (): Promise<never> => Promise.reject(fail('UPSTREAM_ERROR', 'it broke.'));
    const both = [urls.share('a', broken, patient), urls.share('a', broken, patient)];
    for (const one of both) await expect(one).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
    expect(await urls.share('a', () => Promise.resolve({ value: 'picture' }), patient)).toBe('picture');
  });

  it('keep what was known when asking for changes fails', async () => {
    const urls = new KnownUrls<string>();
    await urls.share('a', () => Promise.resolve({ value: 'picture', etag: '"1"' }), patient);
    await expect(urls.share('a', () => Promise.reject(fail('UPSTREAM_ERROR', 'it broke.')), patient)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
    expect(await urls.share('a', (known) => Promise.resolve(known ?? { value: 'other' }), patient)).toBe('picture');
  });

  it('are left by who goes away, and not by the others', async () => {
    const urls = new KnownUrls<string>();
    const { answers, fetch } = fetching();
    const impatient = new AbortController();
    const [one, other] = [urls.share('a', fetch, impatient.signal), urls.share('a', fetch, patient)];
    impatient.abort(new TypeError('gone'));
    await expect(one).rejects.toThrow('gone');
    answers[0]?.resolve({ value: 'picture' });
    expect(await other).toBe('picture');
  });

  it('are not fetched for somebody who has gone already', async () => {
    const { calls, fetch } = fetching();
    await expect(new KnownUrls<string>().share('a', fetch, AbortSignal.abort(new TypeError('gone')))).rejects.toThrow('gone');
    expect(calls).toEqual([]);
  });

  it('are up to a thousand; the one used longest ago goes first', async () => {
    const urls = new KnownUrls<string>();
    const knows = async (key: string): Promise<boolean> => {
      let known = false;
      await urls.share(key, (before) => Promise.resolve((known = before !== undefined)).then(() => before ?? { value: key, etag: key }), patient);
      return known;
    };
    for (let n = 0; n < 1_000; n += 1) await knows(`${n}`);
    expect(await knows('0')).toBe(true);
    await knows('new');
    expect([await knows('0'), await knows('2'), await knows('1')]).toEqual([true, true, false]);
  });
});
