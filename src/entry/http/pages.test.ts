import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { raw, startApp } from '../../../tests/support/http-app.ts';

const nowhere = join(tmpdir(), 'no-such-start-folder');

describe('the pages', () => {
  it.each(['/docs', '/redoc'])('%s and all it names come from here, as the right types', async (path) => {
    await using app = await startApp();
    const page = await fetch(app.url + path);
    const html = await page.text();
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(html).not.toMatch(/https?:\/\/|<script>|<style>|\son\w+=|style=/);
    const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(named.length).toBeGreaterThan(2);
    for (const name of named) {
      const response = await fetch(app.url + name);
      const type = name.endsWith('.js') ? /javascript/ : name.endsWith('.css') ? /css/ : /png/;
      expect([name, response.status]).toEqual([name, 200]);
      expect(response.headers.get('content-type')).toMatch(type);
    }
  });

  it.each(['/docs', '/redoc', '/'])('%s allows no inline script, no foreign source and no frame', async (path) => {
    await using app = await startApp();
    const policy = (await fetch(app.url + path, { redirect: 'manual' })).headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'self'(;|$)/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/https?:|unsafe-eval/);
  });

  it.each(['/docs/package.json', '/docs/../package.json', '/redoc/..%2fpackage.json', '/docs/index.html', '/start.html', '/..%2f..%2fetc/passwd'])('%s is not served', async (path) => {
    await using app = await startApp({}, { startFolder: nowhere });
    expect((await raw(app.port, { path })).status).toBe(404);
  });

  it('lead from / to the document while there is no start page', async () => {
    await using app = await startApp({}, { startFolder: nowhere });
    const response = await fetch(`${app.url}/`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([302, '/docs']);
    expect((await fetch(`${app.url}/start.js`)).status).toBe(404);
  });

  it('begin with the start page where there is one', async () => {
    const folder = await mkdtemp(join(tmpdir(), '.start-'));
    await Promise.all([writeFile(join(folder, 'index.html'), '<p>hello'), writeFile(join(folder, 'start.js'), 'let a'), writeFile(join(folder, 'secret.txt'), 'x')]);
    await using app = await startApp({}, { startFolder: folder });
    expect(await (await fetch(`${app.url}/`)).text()).toBe('<p>hello');
    expect((await fetch(`${app.url}/start.js`)).headers.get('content-type')).toMatch(/javascript/);
    expect((await fetch(`${app.url}/secret.txt`)).status).toBe(404);
    await rm(folder, { recursive: true });
  });
});

describe('the headers of an answer', () => {
  it('tell a browser to run, sniff and frame nothing', async () => {
    await using app = await startApp();
    const { headers } = await fetch(`${app.url}/healthz`);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-security-policy': "default-src 'none';frame-ancestors 'none'", 'x-content-type-options': 'nosniff', 'x-frame-options': 'SAMEORIGIN', 'referrer-policy': 'no-referrer', 'cross-origin-resource-policy': 'same-origin',
    });
    expect([headers.get('x-powered-by'), headers.get('strict-transport-security'), headers.get('access-control-allow-origin')]).toEqual([null, null, null]);
  });

  it('let pages of CORS_ORIGINS read answers, and no others', async () => {
    await using app = await startApp({ CORS_ORIGINS: 'https://a.example,https://b.example' });
    const allow = async (origin: string) => (await fetch(`${app.url}/healthz`, { headers: { origin } })).headers.get('access-control-allow-origin');
    expect(await Promise.all([allow('https://a.example'), allow('https://b.example'), allow('https://c.example')])).toEqual(['https://a.example', 'https://b.example', null]);
  });

  it('answer a preflight with methods, headers and what may be read', async () => {
    await using app = await startApp({ CORS_ORIGINS: '*', API_KEYS: 'alice:alice-key-1' });
    const preflight = await fetch(`${app.url}/api/v1/workflows/submit`, { method: 'OPTIONS', headers: { origin: 'https://a.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-api-key,content-type' } });
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({ 'access-control-allow-origin': '*', 'access-control-allow-methods': 'GET,HEAD,POST,DELETE', 'access-control-allow-headers': 'x-api-key,content-type' });
    const { headers } = await fetch(`${app.url}/healthz`, { headers: { origin: 'https://a.example' } });
    expect(headers.get('access-control-expose-headers')).toContain('X-Request-Id');
    expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin');
  });
});
