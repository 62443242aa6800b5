/**
 * Runs benches and judges them: exit code 1 when a promise was broken.
 *
 *   npm run bench                          all of them
 *   npm run bench -- submit fan-out        some
 *   npm run bench -- --quick               to see that they work, not to quote
 *   npm run bench -- --write               all of them, into docs/benchmarks.md
 *   npm run bench -- jobs --profile=folder CPU profiles of the gateway
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { optionsOf, perform } from './harness/alone.ts';
import { accept } from './benches/accept.ts';
import { download } from './benches/download.ts';
import { drain } from './benches/drain.ts';
import { fanOut } from './benches/fan-out.ts';
import { jobs } from './benches/jobs.ts';
import { robustness } from './benches/robustness.ts';
import { start } from './benches/start.ts';
import { submit } from './benches/submit.ts';
import { tasksList } from './benches/tasks-list.ts';
import { webhooks } from './benches/webhooks.ts';
import { machine } from './harness/machine.ts';
import { page } from './harness/page.ts';

const benches = [start, submit, jobs, fanOut, download, robustness, accept, drain, tasksList, webhooks];
const { options, write, names } = optionsOf(process.argv.slice(2));
const unknown = names.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  console.error(`There is no bench "${unknown.join('", "')}"; there are: ${benches.map((bench) => bench.name).join(', ')}.`);
  process.exit(2);
}

const place = machine();
console.log(`${place}\n`);
const texts: string[] = [];
let broken = false;
for (const bench of benches.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const done = await perform(bench, options);
  texts.push(done.text);
  broken ||= done.broken;
}
if (write) writeFileSync(join(import.meta.dirname, '..', 'docs', 'benchmarks.md'), page(texts, { place, quick: options.quick }));
process.exit(broken ? 1 : 0);
