import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { listen } from './server.ts';

const never = new AbortController().signal;
const here = { host: '127.0.0.1', port: 0 };

describe('listening', () => {
  it('tells where, also when any free port was taken', async () => {
    const { url, close } = await listen((_request, response) => void response.end('hi'), here);
    expect(await (await fetch(url)).text()).toBe('hi');
    await close(never);
    await expect(fetch(url)).rejects.toThrow();
  });

  it.each([['::1', /^http:\/\/\[::1\]:\d+$/], ['[::1]', /^http:\/\/\[::1\]:\d+$/], ['0.0.0.0', /^http:\/\/127\.0\.0\.1:\d+$/], ['localhost', /^http:\/\/localhost:\d+$/]])('on %s gives a URL that works', async (host, url) => {
    const listening = await listen((_request, response) => void response.end('hi'), { host, port: 0 });
    expect(listening.url).toMatch(url);
    expect((await fetch(listening.url)).status).toBe(200);
    await listening.close(never);
  });

  it('on a port in use fails with one sentence that names HOST and PORT', async () => {
    const first = await listen(() => undefined, here);
    const port = Number(new URL(first.url).port);
    await expect(listen(() => undefined, { ...here, port })).rejects.toMatchObject({ name: 'ConfigError', lines: [expect.stringMatching(new RegExp(`HOST 127\\.0\\.0\\.1, PORT ${port}`))] });
    await first.close(never);
  });

  it.each(['192.0.2.1', 'no-such-name.invalid'])('on %s, which is not ours, fails with one sentence', async (host) => {
    await expect(listen(() => undefined, { host, port: 0 })).rejects.toMatchObject({ name: 'ConfigError', lines: [expect.stringContaining(host)] });
  });
});

describe('closing', () => {
  it('lets a call in flight finish, and takes no new one', async () => {
    const { url, close } = await listen((_request, response) => void setTimeout(() => response.end('done'), 100), here);
    const call = fetch(url).then((response) => response.text());
    await pause(30);
    const closed = close(never);
    await expect(fetch(url)).rejects.toThrow();
    expect(await call).toBe('done');
    await closed;
  });

  it('does not wait for idle kept connections', async () => {
    const { url, close } = await listen((_request, response) => void response.end('x'), here);
    const agent = new Agent({ keepAlive: true });
    await new Promise<void>((resolve) => request(url, { agent }, (response) => response.resume().once('end', resolve)).end());
    const began = performance.now();
    await close(never);
    expect(performance.now() - began).toBeLessThan(500);
    agent.destroy();
  });

  it('cuts what is left when the grace time is over', async () => {
    const { url, close } = await listen(() => undefined, here);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await pause(30);
    const gone = once(socket, 'close');
    await close(AbortSignal.timeout(80));
    await gone;
  });
});
