import { execFileSync } from 'node:child_process';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { hostName } from './host.ts';

test('two processes side by side name the same host, which begins with the name of the machine', () => {
  const script = `import { hostName } from ${JSON.stringify(fileURLToPath(new URL('host.ts', import.meta.url)))}; process.stdout.write(hostName());`;
  const theirs = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(theirs).toBe(hostName());
  expect(hostName().startsWith(hostname())).toBe(true);
});
