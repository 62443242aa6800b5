/** The page at `/`, used as a newcomer uses it, on a gateway that `npm start` started. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { launchBrowser, openPage } from '../support/browser.ts';
import { type StartedGateway, startedGateway } from '../support/started-gateway.ts';

const key = 'a-key-for-the-start-page';
let browser: Browser;
let open: StartedGateway;
let keyed: StartedGateway;

beforeAll(async () => {
  [browser, open, keyed] = await Promise.all([launchBrowser(), startedGateway(), startedGateway({ API_KEYS: `page:${key}`, PUBLIC_URL: 'https://pictures.example.org' })]);
});
afterAll(async () => {
  await browser.close();
  await Promise.all([open[Symbol.asyncDispose](), keyed[Symbol.asyncDispose]()]);
});

const picture = (page: Page) => page.locator('#picture').evaluate((element) => ('naturalWidth' in element && 'naturalHeight' in element ? [element.naturalWidth, element.naturalHeight] : []));
const final = (page: Page) => page.locator('#stage[data-state=final]').waitFor();
const events = (page: Page) => page.locator('#log b').allTextContents();

/** Writes down what the page shows whenever it changes, so that nothing is too quick to be seen. */
const remember = `globalThis.seen = [];
  new MutationObserver(() => seen.push({ node: document.querySelector('#node').textContent, share: document.querySelector('#bar').value, state: document.querySelector('#stage').dataset.state }))
    .observe(document.querySelector('main'), { subtree: true, childList: true, attributes: true, characterData: true });`;
const Seen = z.array(z.object({ node: z.string(), share: z.number(), state: z.string() }));

describe('the start page', { timeout: 90_000 }, () => {
  it('says which engine is connected and that the sandbox is no diffusion model', async () => {
    const { page, complaints } = await openPage(browser, open.url);
    await page.locator('#status', { hasText: 'sandbox (no diffusion model)' }).waitFor();
    expect(await page.locator('#sandbox').isVisible()).toBe(true);
    expect(await page.locator('#access').isVisible()).toBe(false);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('runs a workflow: progress with the name of the node, previews, the picture in its size, a file to download', async () => {
    const { page, complaints } = await openPage(browser, open.url);
    await page.evaluate(remember);
    await page.getByRole('button', { name: 'Run' }).click();
    await final(page);
    expect(await picture(page)).toEqual([512, 512]);
    await page.locator('#facts', { hasText: /^512 × 512 · [\d.]+ s on sandbox$/ }).waitFor();
    const seen = Seen.parse(await page.evaluate('seen'));
    expect(seen.map(({ node }) => node)).toEqual(expect.arrayContaining(['Submitted', 'KSampler: 6 of 12', 'Completed']));
    expect(seen.map(({ state }) => state)).toEqual(expect.arrayContaining(['empty', 'preview', 'final']));
    expect(seen.map(({ share }) => share)).toEqual(seen.map(({ share }) => share).toSorted((a, b) => a - b));
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: /^Download start_\d+_\.png$/ }).click()]);
    expect(download.suggestedFilename()).toMatch(/^start_\d+_\.png$/);
    expect(await events(page)).toEqual(expect.arrayContaining(['system: connected', 'system: submitted', 'execution_start', 'preview', 'progress', 'executed', 'result']));
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('is used with the keyboard alone, and writes the fields into the graph with every digit', async () => {
    const { page, complaints } = await openPage(browser, open.url);
    await page.locator('#run:enabled').waitFor();
    await page.getByLabel('Prompt').focus();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('two boats');
    await page.keyboard.press('Tab');
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('18446744073709551615');
    expect(await page.getByLabel('Graph').inputValue()).toMatch(/"seed": 18446744073709551615,[^]*"two boats"/);
    await page.keyboard.press('Control+Enter');
    await final(page);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('shows what is wrong with a graph, beside it', async () => {
    const { page, complaints } = await openPage(browser, open.url);
    await page.locator('#run:enabled').waitFor();
    await page.getByLabel('Graph').fill('{ "1": ');
    await page.locator('#fault', { hasText: 'not JSON' }).waitFor();
    await page.getByLabel('Graph').fill('{"1": {"class_type": "EmptyImage", "inputs": {"width": -1, "height": 8, "batch_size": 1, "color": 0}}, "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}}');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('#fault', { hasText: 'Node 1 (EmptyImage)' }).waitFor();
    await page.locator('#run:enabled').waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('stops what runs', async () => {
    const { page } = await openPage(browser, open.url);
    await page.locator('#run:enabled').waitFor();
    await page.getByRole('button', { name: 'Another seed' }).click();
    await page.getByLabel('Steps').fill('2000');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('#stage[data-state=preview]').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('#node', { hasText: 'interrupted' }).waitFor();
    await page.locator('#run:enabled').waitFor();
    await page.close();
  });

  it('asks for a key where keys are needed, and forgets it with the page', async () => {
    const { page, complaints } = await openPage(browser, keyed.url);
    await page.getByLabel(/API key/).fill('not-this-one');
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.locator('#access-fault', { hasText: 'does not know this key' }).waitFor();
    expect(complaints).toEqual([expect.stringContaining('401')]);
    complaints.length = 0;
    await page.getByLabel(/API key/).fill(key);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Run' }).click();
    await final(page);
    expect(await picture(page)).toEqual([512, 512]);
    expect(await page.locator('#sandbox').isVisible()).toBe(true);
    expect(await page.evaluate('[document.cookie, localStorage.length, sessionStorage.length]')).toEqual(['', 0, 0]);
    await page.reload();
    await page.locator('#access').waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('comes back by itself when the gateway was away', async () => {
    const before = await startedGateway();
    const { page } = await openPage(browser, before.url);
    await page.locator('#run:enabled').waitFor();
    await before[Symbol.asyncDispose]();
    await page.locator('#run:disabled').waitFor();
    await using after = await startedGateway({ PORT: new URL(before.url).port });
    expect(after.url).toBe(before.url);
    await page.locator('#run:enabled').waitFor();
    await page.getByRole('button', { name: 'Run' }).click();
    await final(page);
    await page.close();
  });

  it.each([['a phone', 360], ['a desk', 1400]])('fits %s', async (_name, width) => {
    const { page } = await openPage(browser, open.url, { viewport: { width, height: 800 } });
    await page.locator('#run:enabled').waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    await page.close();
  });
});
