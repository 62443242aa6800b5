/** The document's two readers in a real browser that can reach nothing but the gateway. */
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/http-app.ts';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
let browser: Browser;
let app: TestApp;

beforeAll(async () => {
  const { existsSync } = await import('node:fs');
  browser = await chromium.launch({ executablePath: executablePath.find((path) => existsSync(path)) ?? 'chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
  app = await startApp({}, { queue: { status: async () => ({ running: [], pending: [], queue_remaining: 0, others: { running: 0, pending: 0 }, instances: [] }) } });
});
afterAll(async () => {
  await browser.close();
  await app[Symbol.asyncDispose]();
});

/** Opens a page offline but for the gateway, and collects whatever the browser complains about. */
async function open(path: string): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => { if (/^(https?|wss?):/.test(request.url()) && !request.url().startsWith(app.url)) complaints.push(`called ${request.url()}`); });
  page.on('requestfailed', (request) => complaints.push(`failed ${request.url()}`));
  await page.goto(app.url + path);
  return { page, complaints };
}

describe('in a browser, offline', () => {
  it('Swagger UI shows every area and can try a call', async () => {
    const { page, complaints } = await open('/docs');
    for (const tag of ['Workflows', 'Queue', 'Images', 'Service']) await page.locator(`#operations-tag-${tag}`).waitFor();
    const queue = page.locator('#operations-Queue-getQueue');
    await queue.locator('.opblock-summary-control').click();
    await queue.getByRole('button', { name: 'Try it out' }).click();
    await queue.getByRole('button', { name: 'Execute' }).click();
    await queue.locator('.live-responses-table .response-col_status', { hasText: '200' }).waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('ReDoc shows every area and finds a call', async () => {
    const { page, complaints } = await open('/redoc');
    await page.getByRole('heading', { name: 'Submit a workflow' }).waitFor();
    await page.getByRole('heading', { name: 'Ticket for a browser socket' }).waitFor();
    await page.locator('input[type="text"]').first().fill('interrupt');
    await page.locator('[data-role="search:results"]').getByText('Stop a prompt').first().waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });
});
