import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError, hideCredentials, loadConfig } from './config.ts';

type Environment = Readonly<Record<string, string>>;

function complaintsOf(environment: Environment): string {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.lines.join('\n');
    throw error;
  }
  return '';
}

describe('without any settings', () => {
  it('it is the sandbox on loopback, without keys', () => {
    expect(loadConfig({})).toMatchObject({ HOST: '127.0.0.1', PORT: 8000, comfyuiUrls: ['sandbox'], authenticated: false, COMFYUI_TIMEOUT: 300, LOG_LEVEL: 'info' });
  });

  it('an empty value counts as not given', () => {
    expect(loadConfig({ PORT: '', COMFYUI_URLS: '  ', API_KEYS: '' })).toEqual(loadConfig({}));
  });

  it('what was read stays as it is', () => {
    const config = loadConfig({});
    expect(Object.isFrozen(config) && Object.isFrozen(config.comfyuiUrls)).toBe(true);
  });
});

describe('the ComfyUI servers', () => {
  it.each<[string, Environment, string[]]>([
    ['a list', { COMFYUI_URLS: 'http://a:8188, http://b:8188/ ,' }, ['http://a:8188', 'http://b:8188']],
    ['a list with doubles', { COMFYUI_URLS: 'http://a:8188,http://a:8188/' }, ['http://a:8188']],
    ['one address', { COMFYUI_URL: 'https://a/comfy/' }, ['https://a/comfy']],
    ['host and port', { COMFYUI_HOST: 'gpu', COMFYUI_PORT: '9000' }, ['http://gpu:9000']],
    ['a host', { COMFYUI_HOST: 'gpu' }, ['http://gpu:8188']],
    ['a port', { COMFYUI_PORT: '9000' }, ['http://127.0.0.1:9000']],
    ['an IPv6 host', { COMFYUI_HOST: '::1' }, ['http://[::1]:8188']],
    ['the same twice', { COMFYUI_URLS: 'http://gpu:8188', COMFYUI_HOST: 'gpu' }, ['http://gpu:8188']],
    ['the sandbox beside a server', { COMFYUI_URLS: 'Sandbox,http://a:1' }, ['sandbox', 'http://a:1']],
    ['credentials', { COMFYUI_URLS: 'http://user:pass@a:8188' }, ['http://user:pass@a:8188']],
  ])('are taken from %s', (_what, environment, urls) => {
    expect(loadConfig(environment).comfyuiUrls).toEqual(urls);
  });

  it('that two settings name differently stop the start', () => {
    expect(complaintsOf({ COMFYUI_URL: 'http://a:1', COMFYUI_HOST: 'b' })).toBe('COMFYUI_URL and COMFYUI_HOST/COMFYUI_PORT name different servers; set one of them.');
  });

  it('that are no addresses stop the start, without their password', () => {
    const complaint = complaintsOf({ COMFYUI_URLS: 'ftp://user:secret-word@a:1' });
    expect(complaint).toContain('COMFYUI_URLS has an entry "ftp://a:1"');
    expect(complaint).not.toContain('secret-word');
  });
});

describe('words', () => {
  it.each([['True', true], ['1', true], ['yes', true], ['OFF', false], [' false ', false]])('MIRROR_OUTPUTS=%s is %s', (word, value) => {
    expect(loadConfig({ MIRROR_OUTPUTS: word }).MIRROR_OUTPUTS).toBe(value);
  });

  it('DEBUG is LOG_LEVEL=debug, and levels may be in capitals', () => {
    expect(loadConfig({ DEBUG: 'True', LOG_LEVEL: 'error' }).LOG_LEVEL).toBe('debug');
    expect(loadConfig({ LOG_LEVEL: 'INFO' }).LOG_LEVEL).toBe('info');
  });
});

describe('a bad value', () => {
  it.each<[Environment, string]>([
    [{ PORT: '80000' }, 'PORT is "80000"; allowed: a whole number from 0 to 65535.'],
    [{ PORT: '8e' }, 'PORT is "8e"; allowed: a whole number from 0 to 65535.'],
    [{ PORT: '1.5' }, 'PORT is "1.5"; allowed: a whole number from 0 to 65535.'],
    [{ CORS_ORIGINS: 'nonsense' }, 'CORS_ORIGINS is "nonsense"; allowed: origins such as https://app.example.org, or *.'],
    [{ CORS_ORIGINS: 'https://a.example/path' }, 'CORS_ORIGINS is "https://a.example/path"; allowed: origins such as https://app.example.org, or *.'],
    [{ COMFYUI_URLS: ',' }, 'COMFYUI_URLS has no entry; allowed: http:// or https:// addresses, separated by commas, or sandbox.'],
    [{ MIRROR_OUTPUTS: 'perhaps' }, 'MIRROR_OUTPUTS is "perhaps"; allowed: true or false.'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL is "loud"; allowed: one of error, warn, info, http, debug.'],
    [{ AUTH: 'maybe' }, 'AUTH is "maybe"; allowed: one of on, off.'],
    [{ PUBLIC_URL: 'example.org' }, 'PUBLIC_URL is "example.org"; allowed: an http:// or https:// address.'],
    [{ TRUSTED_PROXIES: '10.0.0.0/33' }, 'TRUSTED_PROXIES is "10.0.0.0/33"; allowed: addresses or subnets such as 10.0.0.0/8, or loopback, linklocal, uniquelocal.'],
    [{ TRUSTED_PROXIES: 'nginx' }, 'TRUSTED_PROXIES is "nginx"; allowed: addresses or subnets such as 10.0.0.0/8, or loopback, linklocal, uniquelocal.'],
  ])('%j is told with its name and what is allowed', (environment, complaint) => {
    expect(complaintsOf(environment)).toBe(complaint);
  });

  it('of several, all are told', () => {
    expect(complaintsOf({ PORT: 'x', COMFYUI_TIMEOUT: '0' }).split('\n')).toHaveLength(2);
  });

  it.each(['anna:short', 'anna', 'anna:long-enough-key:root', 'a b:long-enough-key', 'anna:long-enough-key,anna:another-long-key', 'anna:long-enough-key,bert:long-enough-key'])('API_KEYS=%s is told without the keys', (keys) => {
    const complaint = complaintsOf({ API_KEYS: keys });
    expect(complaint).toMatch(/^API_KEYS is a value that is not shown; allowed: name:key or name:key:admin/);
    expect(complaint).not.toMatch(/long-enough|another|short/);
  });
});

describe('who may come in', () => {
  it.each(['localhost', '127.0.0.1', '127.8.9.1', '::1'])('everybody on %s, where there are no keys', (host) => {
    expect(loadConfig({ HOST: host }).authenticated).toBe(false);
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', '127.0.0.1.example.org'])('nobody on %s without keys: the start stops and names the lines to add', (host) => {
    expect(complaintsOf({ HOST: host })).toMatch(/API_KEYS=me:a-long-random-key:admin\n {2}AUTH=off$/);
  });

  it('everybody anywhere with AUTH=off', () => {
    expect(loadConfig({ HOST: '0.0.0.0', AUTH: 'off', API_KEYS: 'anna:a-long-random-key' }).authenticated).toBe(false);
  });

  it('whoever has a key, where there are keys', () => {
    const config = loadConfig({ HOST: '0.0.0.0', API_KEYS: 'anna:a-long-random-key, ops:another-long-key:admin' });
    expect(config).toMatchObject({ authenticated: true, API_KEYS: [{ name: 'anna', admin: false }, { name: 'ops', admin: true }] });
  });

  it('AUTH=on needs keys', () => {
    expect(complaintsOf({ AUTH: 'on' })).toContain('there are no API_KEYS');
  });
});

describe('.env', () => {
  it('is read from the working folder, and the environment wins', () => {
    const folder = mkdtempSync(join(tmpdir(), 'comfyui-gateway-config-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, '.env'), 'PORT=1111\nAPP_NAME="from the file"\n');
    const script = `import { loadConfig, loadEnvFile } from ${JSON.stringify(new URL('./config.ts', import.meta.url).href)}; loadEnvFile(); const { PORT, APP_NAME } = loadConfig(); console.log(JSON.stringify({ PORT, APP_NAME }));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { cwd: folder, env: { PATH: process.env['PATH'], PORT: '2222' }, encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual({ PORT: 2222, APP_NAME: 'from the file' });
  });
});

describe('an address in a log', () => {
  it.each([
    ['http://user:pass@host:1/x', 'http://host:1/x'],
    ['user:pass@host:1', 'host:1'],
    ['http://user:pa/ss@host:1', 'http://host:1'],
    ['http://user:p@ss@host:1', 'http://host:1'],
    ['http:/user:pass@host:1', 'http:/host:1'],
    ['http:\\\\user:pass@host:1', 'http:\\\\host:1'],
    ['http://host:1', 'http://host:1'],
  ])('has no password: %s', (given, shown) => {
    expect(hideCredentials(given)).toBe(shown);
  });

  it.each<Environment>([{ COMFYUI_URLS: 'user:secret-word@10.0.0.5:8188' }, { COMFYUI_URL: 'http://user:secret-word@h:999999' }, { PUBLIC_URL: 'user:secret-word@h' }, { PUBLIC_URL: 'https://user:secret-word@h' }])('%j is told without it', (environment) => {
    expect(complaintsOf(environment)).not.toContain('secret-word');
    expect(complaintsOf(environment)).not.toBe('');
  });
});
