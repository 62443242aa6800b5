/** A bench file run by itself: `node bench/benches/submit.ts [--quick] [--profile=folder]`. */
import { parseArgs } from 'node:util';
import { type Bench, failed, type Options } from './bench.ts';
import { machine } from './machine.ts';
import { show } from './show.ts';

export function optionsOf(args: readonly string[]): { readonly options: Options; readonly write: boolean; readonly names: readonly string[] } {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: { quick: { type: 'boolean', default: false }, write: { type: 'boolean', default: false }, profile: { type: 'string' } } });
  return { options: { quick: values.quick, profile: values.profile }, write: values.write, names: positionals };
}

/** Runs and prints it. Answers the text, and whether it broke a promise. */
export async function perform(bench: Bench, options: Options): Promise<{ readonly text: string; readonly broken: boolean }> {
  const report = await bench.run(options);
  const text = show(bench, report);
  console.log(text);
  return { text, broken: failed(report) };
}

/** For the last line of a bench file; does nothing when another file imported it. */
export async function runAlone(bench: Bench, isMain: boolean): Promise<void> {
  if (!isMain) return;
  console.log(machine());
  const { broken } = await perform(bench, optionsOf(process.argv.slice(2)).options);
  process.exit(broken ? 1 : 0);
}
