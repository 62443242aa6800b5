/**
 * Sets a fresh clone up before `npm start` and `npm test`. Plain JavaScript for any Node that npm runs on.
 *
 * `start` installs what runs the service, `test` also what tests it. What npm wrote down at the end of its last
 * installation is compared with package-lock.json, so a changed or interrupted installation is done again.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const wanted = process.argv[2] === 'test' ? 'test' : 'start';

const packagesOf = (file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages;

function installed() {
  if (!existsSync(join(root, 'node_modules', '.bin', 'node'))) return false;
  try {
    const there = packagesOf('node_modules/.package-lock.json');
    const needed = Object.entries(packagesOf('package-lock.json')).filter(([name, entry]) => name !== '' && !entry.optional && !entry.devOptional && (wanted === 'test' || !entry.dev));
    return needed.every(([name, entry]) => there[name]?.version === entry.version);
  } catch {
    return false;
  }
}

function install() {
  const kind = wanted === 'test' ? 'everything that runs and tests the service' : 'what runs the service';
  console.error(`comfyui-gateway: installing ${kind} (once, about a minute) …`);
  const extra = wanted === 'test' || existsSync(join(root, 'node_modules', 'vitest')) ? [] : ['--omit=dev'];
  const shell = process.platform === 'win32';
  const run = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...extra], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], shell });
  if (run.status !== 0) {
    console.error('comfyui-gateway: the installation failed; the lines above say why. Is the npm registry reachable?');
    process.exit(1);
  }
}

function found(command) {
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${command}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Programs that tests drive for real: command (any of) and Debian package. */
const programs = [
  { commands: ['chromium', 'chromium-browser', 'google-chrome', '/Applications/Google\\ Chrome.app/Contents/MacOS/Google\\ Chrome'], pkg: 'chromium', why: 'browser tests' },
  { commands: ['ffmpeg'], pkg: 'ffmpeg', why: 'video output of the sandbox' },
];

function installPrograms() {
  const missing = programs.filter(({ commands }) => !commands.some(found));
  if (missing.length === 0) return;
  const names = missing.map(({ pkg }) => pkg);
  const list = missing.map(({ pkg, why }) => `${pkg} (${why})`).join(', ');
  if (process.getuid?.() !== 0 || !found('apt-get')) {
    console.error(`comfyui-gateway: missing for the tests: ${list}. Install with: sudo apt-get install ${names.join(' ')}`);
    process.exit(1);
  }
  console.error(`comfyui-gateway: installing from Debian's packages: ${list} …`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 'ignore', 'inherit'], env: environment });
  const run = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], { stdio: ['ignore', 'ignore', 'inherit'], env: environment });
  if (run.status !== 0) {
    console.error(`comfyui-gateway: apt-get could not install ${names.join(' ')}.`);
    process.exit(1);
  }
}

if (!installed()) install();
if (wanted === 'test') installPrograms();
