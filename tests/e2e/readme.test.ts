/** The README does not lie: its commands and its snippet are taken from it and run. */
import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { launchBrowser, openPage } from '../support/browser.ts';
import { startEngine } from '../support/engine.ts';
import { settingsBelow } from '../support/gateway.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { type StartedGateway, startedGateway } from '../support/started-gateway.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';

const root = new URL('../../', import.meta.url);
const readme = await readFile(new URL('README.md', root), 'utf8');
const address = 'http://127.0.0.1:8000';

/** Code blocks of one language in the section of that heading. */
function blocks(heading: string, language: string): string[] {
  const section = readme.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map((match) => match[1] ?? '');
}

/** Runs shell lines in a folder, with the gateway's real address in the place of the one in the README. */
async function run(lines: string, { url, folder }: { url: string; folder: string }): Promise<string> {
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', lines.replaceAll(address, url)], { cwd: folder, timeout: 60_000 });
  return stdout;
}

/** `NAME=value` before `npm start`. */
function environmentOf(line: string): Record<string, string> {
  return Object.fromEntries([...line.matchAll(/([A-Z_]+)=(\S+)/g)].map((match) => [match[1] ?? '', match[2] ?? '']));
}

let gateway: StartedGateway;
let folder: TemporaryFolder;
beforeAll(async () => {
  [gateway, folder] = await Promise.all([startedGateway(), temporaryFolder()]);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe('the README', { timeout: 90_000 }, () => {
  it('shows what npm start prints', async () => {
    await using own = await temporaryFolder();
    const copy = join(own.path, 'printed');
    const started = await GatewayProcess.start({ instances: ['sandbox'], folder: own.path, env: { COPY: copy }, command: ['bash', '-c', `exec ${blocks('Start', 'sh')[0]?.trim()} > >(tee "$COPY")`] });
    await started.kill('SIGTERM');
    const printed = (await readFile(copy, 'utf8')).split('\n');
    const plain = (line: string): string => line.replace(/http:\/\/127\.0\.0\.1:\d+/g, address).replace(/ (\/[^ ,]*)/g, ' PATH');
    for (const line of blocks('Start', 'text')[0]?.trimEnd().split('\n') ?? ['nothing']) expect(printed.map(plain)).toContain(plain(line));
  });

  it('submits, looks, lists, downloads and uploads with its curl lines', async () => {
    const said = await run(blocks('A first workflow', 'sh').join('\n'), { url: gateway.url, folder: folder.path });
    expect(said).toMatch(/"prompt_id":"[\w-]{36}"/);
    expect(said).toMatch(/"state":"(queued|running|completed)"/);
    expect(said).toContain('"filename":"first_00001_.png"');
    expect(said).toContain('"original_name":"picture.png"');
    expect(await sharp(join(folder.path, 'picture.png')).metadata()).toMatchObject({ format: 'png', width: 512, height: 512 });
    expect(await sharp(join(folder.path, 'small.webp')).metadata()).toMatchObject({ format: 'webp', width: 256, height: 256 });
  });

  it('hands tasks over, watches one, waits for another and lists both with its curl lines', async () => {
    const lines = [...blocks('A first workflow', 'sh').slice(0, 2), ...blocks('Durable tasks', 'sh').slice(0, 2)].join('\n');
    const said = await run(lines, { url: gateway.url, folder: folder.path });
    expect(said).toContain('event: completed');
    expect(said).toMatch(/"status":"completed","owner":"local","task_type":"TEMPLATE"[^]*"template":"resize"/);
    expect(said).toContain('"metadata":{"order":7}');
    expect(said).toContain('"tasks":[{');
  });

  it('names a doctor that finds a first start well', async () => {
    await using own = await temporaryFolder();
    const { stdout } = await promisify(execFile)('npm', ['run', '-s', 'doctor'], { cwd: root, env: { ...process.env, ...settingsBelow(own.path) }, timeout: 60_000 });
    expect(stdout).toMatch(/^ok {2}template text-to-image: can run on sandbox$/m);
    expect(stdout).toContain('All is well.');
    expect(readme).toContain('npm run doctor');
  });

  it('shows progress, previews and the result with its snippet, pasted into the console of the start page', async () => {
    const browser = await launchBrowser();
    const { page, complaints } = await openPage(browser, gateway.url);
    const said: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    const snippet = blocks('In a browser', 'js')[0] ?? '';
    expect(snippet.trim().split('\n').length).toBeLessThanOrEqual(16);
    await page.evaluate(`(async () => { globalThis.shown = []; ${snippet}\n img.onload = () => shown.push([img.src.split(':')[0], img.naturalWidth]); globalThis.made = img; })()`);
    const result = '[made.src.includes("/api/v1/images/download?"), made.complete, made.naturalWidth, made.naturalHeight]';
    await expect.poll(() => page.evaluate(result), { timeout: 20_000 }).toEqual([true, true, 512, 512]);
    expect(await page.evaluate('shown.some(([scheme]) => scheme === "blob")')).toBe(true);
    expect(said).toContainEqual(expect.stringMatching(/^\d+ %$/));
    expect(complaints).toEqual([]);
    await browser.close();
  });

  it('lets callers in by its line about keys, and nobody else', async () => {
    const [start, call] = blocks('Keys', 'sh').map((block) => block.trim());
    expect(start).toMatch(/ npm start$/);
    await using keyed = await startedGateway(environmentOf(start ?? ''));
    expect(await run(call ?? '', { url: keyed.url, folder: folder.path })).toContain('"queue_remaining":0');
    expect((await fetch(`${keyed.url}/api/v1/queue/status`)).status).toBe(401);
  });

  it('connects several servers by its line about them', async () => {
    const [start] = blocks('Real ComfyUI servers', 'sh');
    const { COMFYUI_URLS = '', ...nothing } = environmentOf(start ?? '');
    expect(nothing).toEqual({});
    const servers = await Promise.all(COMFYUI_URLS.split(',').map((_url, n) => startEngine(n)));
    await using two = await startedGateway({ COMFYUI_URLS: servers.map((server) => server.url).join(',') });
    await expect.poll(async () => (await fetch(`${two.url}/readyz`)).json()).toMatchObject({ ready: true, healthy: servers.length });
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  });

  it('names only files and commands that are there', async () => {
    for (const [, path] of readme.matchAll(/\]\(((?!http|#)[^)]+)\)/g)) await expect(access(new URL(path ?? '', root)), path).resolves.toBeUndefined();
    for (const [, path] of readme.matchAll(/`(tests\/[\w./-]+|src\/[\w./-]+)`/g)) await expect(access(new URL(path ?? '', root)), path).resolves.toBeUndefined();
    for (const [, script = ''] of readme.matchAll(/npm run ([\w:]+)/g)) expect(packageJson.scripts).toHaveProperty([script]);
  });
});
