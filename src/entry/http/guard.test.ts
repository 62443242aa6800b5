import { describe, expect, it } from 'vitest';
import { raw, startApp, submitPath, withKeys, type RawRequest } from '../../../tests/support/http-app.ts';
import { loadConfig } from '../../core/config.ts';
import { createGuard } from './guard.ts';

const answer = { prompt_id: 'p', number: 1, client_id: 'c', instance: 'i', node_errors: {} };
const stand = { workflows: { submit: async () => answer } };
const submit: RawRequest = { method: 'POST', path: submitPath, body: '{"workflow":{}}' };
const json = { 'content-type': 'application/json' };

async function status(environment: Record<string, string>, request: RawRequest): Promise<number> {
  await using app = await startApp(environment, stand);
  return (await raw(app.port, { ...request, headers: { ...json, ...request.headers } })).status;
}

describe('a gateway without keys on a loopback address', () => {
  it.each(['localhost', 'localhost:8000', 'LOCALHOST', '127.0.0.1:9', '127.9.9.9', '[::1]:8000', 'app.localhost'])('answers to the Host %s', async (host) => {
    expect(await status({}, { path: '/readyz', headers: { host } })).toBe(200);
  });

  it.each(['evil.example', 'evil.example:8000', '127.0.0.1.evil.example', 'localhost.evil.example', '192.168.0.7', '10.0.0.1:8000', '0.0.0.0', '[::2]', 'localhost@evil'])('refuses the Host %s: a name may be re-bound to us', async (host) => {
    await using app = await startApp({}, stand);
    const { status: code, text } = await raw(app.port, { path: '/readyz', headers: { host } });
    expect(code).toBe(403);
    expect(JSON.parse(text)).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('answers to the host of PUBLIC_URL', async () => {
    expect(await status({ PUBLIC_URL: 'https://pictures.example/base' }, { path: '/readyz', headers: { host: 'pictures.example' } })).toBe(200);
  });

  it.each(['https://evil.example', 'http://127.0.0.1:1', 'null', 'file://', 'http://localhost'])('refuses to be driven by a page of %s', async (origin) => {
    expect(await status({}, { ...submit, headers: { origin } })).toBe(403);
  });

  it('serves its own pages, programs without an Origin, and reads of foreign pages', async () => {
    await using app = await startApp({}, stand);
    const codes = await Promise.all([
      raw(app.port, { ...submit, headers: { ...json, origin: app.url } }),
      raw(app.port, { ...submit, headers: json }),
      raw(app.port, { path: '/readyz', headers: { origin: 'https://evil.example' } }),
    ]);
    expect(codes.map((one) => one.status)).toEqual([200, 200, 200]);
  });

  it.each([['https://studio.example'], ['*'], ['https://other.example,https://studio.example']])('lets a page of CORS_ORIGINS=%s drive it', async (list) => {
    expect(await status({ CORS_ORIGINS: list }, { ...submit, headers: { origin: 'https://studio.example' } })).toBe(200);
  });
});

describe('a gateway with AUTH=off on an open address', () => {
  const environment = { HOST: '0.0.0.0', AUTH: 'off' };

  it('cannot know its names, and takes any Host', async () => {
    expect(await status(environment, { path: '/readyz', headers: { host: 'gateway.lan' } })).toBe(200);
  });

  it('still refuses to be driven by foreign pages', async () => {
    expect(await status(environment, { ...submit, headers: { host: 'gateway.lan', origin: 'https://evil.example' } })).toBe(403);
    expect(await status(environment, { ...submit, headers: { host: 'gateway.lan', origin: 'http://gateway.lan' } })).toBe(200);
  });
});

describe('a gateway with keys', () => {
  it('takes any Host and Origin: the key is the proof', async () => {
    const headers = { host: 'any.example', origin: 'https://any.example', 'x-api-key': 'alice-key-1' };
    expect(await status(withKeys, { ...submit, headers })).toBe(200);
  });
});

describe('the check for sockets', () => {
  it('asks for the Origin too, though an upgrade is a GET', () => {
    const guard = createGuard(loadConfig({}));
    expect(() => guard.check({ host: 'localhost:8000', origin: 'http://localhost:8000' })).not.toThrow();
    expect(() => guard.check({ host: 'localhost:8000' })).not.toThrow();
    expect(() => guard.check({ host: 'localhost:8000', origin: 'https://evil.example' })).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    expect(() => guard.check({ host: 'evil.example', origin: 'http://evil.example' })).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
  });

  it('asks for the Origin when there are keys, since CORS does not cover sockets', () => {
    const guard = createGuard(loadConfig({ API_KEYS: 'me:secret-key-1', HOST: '0.0.0.0', CORS_ORIGINS: 'https://studio.example' }));
    expect(() => guard.check({ host: 'gateway.example', origin: 'https://studio.example' })).not.toThrow();
    expect(() => guard.check({ host: 'gateway.example', origin: 'https://evil.example' })).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
  });
});
