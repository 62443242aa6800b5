/** Headless Chromium, as Debian packages it, and a page whose every complaint is collected. */
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const programs = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'];

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: programs.find((path) => existsSync(path)) ?? 'chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
}

export interface WatchedPage {
  readonly page: Page;
  /** Console errors and warnings, uncaught errors, failed calls, and calls to anywhere but `origin`. */
  readonly complaints: string[];
}

export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const page = await browser.newPage(options);
  const complaints: string[] = [];
  const { origin, host } = new URL(url);
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => { if (/^https?:/.test(request.url()) && !request.url().startsWith(origin)) complaints.push(`called ${request.url()}`); });
  page.on('websocket', (socket) => { if (new URL(socket.url()).host !== host) complaints.push(`socket to ${socket.url()}`); });
  // A preview that the next one overtakes is a blob whose loading is broken off.
  page.on('requestfailed', (request) => { if (!request.url().startsWith('blob:')) complaints.push(`failed ${request.url()}`); });
  await page.goto(url);
  return { page, complaints };
}
