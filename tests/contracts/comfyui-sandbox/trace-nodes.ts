import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { z } from 'zod';
import { NodeFailure, type NodeClass, type Preview } from '../../../sandbox/comfyui/node.ts';

/** The recorded nodes take tenths of seconds; here they take less. */
const PACE = 0.3;

const Steps = z.object({ image: z.unknown(), steps: z.number(), seconds_per_step: z.number(), preview: z.string() });
const Sleep = z.object({ image: z.unknown(), seconds: z.number() });
const Raise = z.object({ message: z.string() });

async function picture(kind: string): Promise<Preview | undefined> {
  if (kind === 'none') return undefined;
  const plain = sharp({ create: { width: 48, height: 32, channels: 3, background: '#336699' } });
  return kind === 'PNG' ? { format: 'png', bytes: await plain.png().toBuffer() } : { format: 'jpeg', bytes: await plain.jpeg().toBuffer() };
}

const steps: NodeClass = {
  async run(inputs, context) {
    const given = Steps.parse(inputs);
    for (let step = 1; step <= given.steps; step += 1) {
      await sleep(given.seconds_per_step * 1000 * PACE);
      await context.progress(step, given.steps, await picture(given.preview));
    }
    return { outputs: [given.image] };
  },
};

const sleeper = (ui?: Record<string, unknown>): NodeClass => ({
  async run(inputs) {
    const given = Sleep.parse(inputs);
    await sleep(given.seconds * 1000 * PACE);
    return { outputs: [given.image], ...(ui && { ui }) };
  },
});

const raise: NodeClass = {
  run: (inputs) => Promise.reject(new NodeFailure('ValueError', Raise.parse(inputs).message)),
};

const declared = (inputs: Record<string, unknown[]>, isOutput = false): unknown => ({
  input: { required: { image: ['IMAGE', {}], ...inputs } }, output: isOutput ? [] : ['IMAGE'], output_node: isOutput,
});

/** Copies of the small nodes that the recordings were made with. */
export const traceNodes = {
  nodes: new Map<string, NodeClass>([['TraceSteps', steps], ['TraceSleep', sleeper()], ['TraceSleepOutput', sleeper({ text: ['slept'] })], ['TraceRaise', raise]]),
  objectInfo: {
    TraceSteps: declared({ steps: ['INT', {}], seconds_per_step: ['FLOAT', {}], preview: ['STRING', {}] }),
    TraceSleep: declared({ seconds: ['FLOAT', {}] }),
    TraceSleepOutput: declared({ seconds: ['FLOAT', {}] }, true),
    TraceRaise: declared({ message: ['STRING', {}] }),
  },
};
