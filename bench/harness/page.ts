/** docs/benchmarks.md. */
const introduction = `# Benchmarks

Written by \`npm run bench -- --write\`; do not edit. Each bench asserts its own result: a line that says **kept** is a
promise, and the run fails without it. **reached** and **missed** compare with a figure we aim at on two cores.

Ratios are measured within one run, in rounds that alternate between what is compared, and shown as the median round.
They travel between machines better than the absolute figures, which also depend on what else a machine does. Stub,
gateway and load generator share the same cores, so whatever one of them spends the others lack: the ratio to a stub whose
jobs cost nothing is a measure of CPU, not of what a user of a real ComfyUI would see. A real ComfyUI finishes some 125
small jobs a second at most; the paced rows are nearer to it.`;

export function page(texts: readonly string[], { place, quick }: { readonly place: string; readonly quick: boolean }): string {
  const warning = quick ? '\n\nThis was a quick run: few rounds, not to be quoted.' : '';
  return `${introduction}${warning}\n\nMeasured on: ${place}.\n\n${texts.join('\n')}`;
}
