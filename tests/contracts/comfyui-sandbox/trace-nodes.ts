import sharp from 'sharp';
import { z } from 'zod';
import { NodeFailure, type NodeClass, type Preview } from '../../../sandbox/comfyui/node.ts';
import type { RecordedPace } from './recorded-pace.ts';

const Steps = z.object({ image: z.unknown(), steps: z.number(), seconds_per_step: z.number(), preview: z.string() });
const Sleep = z.object({ image: z.unknown(), seconds: z.number() });
const Raise = z.object({ message: z.string() });

async function picture(kind: string): Promise<Preview | undefined> {
  if (kind === 'none') return undefined;
  const plain = sharp({ create: { width: 48, height: 32, channels: 3, background: '#336699' } });
  return kind === 'PNG' ? { format: 'png', bytes: await plain.png().toBuffer() } : { format: 'jpeg', bytes: await plain.jpeg().toBuffer() };
}

const stepsOf = (pace: RecordedPace): NodeClass => ({
  async run(inputs, context) {
    const given = Steps.parse(inputs);
    const at = { promptId: context.promptId, nodeId: context.nodeId, seconds: given.seconds_per_step };
    for (let step = 1; step <= given.steps; step += 1) {
      await pace.step(at, step, context.signal);
      await context.progress(step, given.steps, await picture(given.preview));
    }
    await pace.step({ ...at, seconds: 0 }, Number.POSITIVE_INFINITY, context.signal);
    return { outputs: [given.image] };
  },
});

/** Hears no interrupt. */
const sleeper = (pace: RecordedPace, ui?: Record<string, unknown>): NodeClass => ({
  async run(inputs, { promptId, nodeId }) {
    const given = Sleep.parse(inputs);
    await pace.step({ promptId, nodeId, seconds: given.seconds }, Number.POSITIVE_INFINITY);
    return { outputs: [given.image], ...(ui && { ui }) };
  },
});

const raise: NodeClass = {
  run: (inputs) => Promise.reject(new NodeFailure('ValueError', Raise.parse(inputs).message)),
};

const declared = (inputs: Record<string, unknown[]>, isOutput = false): unknown => ({
  input: { required: { image: ['IMAGE', {}], ...inputs } }, output: isOutput ? [] : ['IMAGE'], output_node: isOutput,
});

/** Copies of the small nodes that the recordings were made with, at their recorded pace. */
export function traceNodes(pace: RecordedPace): { nodes: ReadonlyMap<string, NodeClass>; objectInfo: Readonly<Record<string, unknown>> } {
  return {
    nodes: new Map([['TraceSteps', stepsOf(pace)], ['TraceSleep', sleeper(pace)], ['TraceSleepOutput', sleeper(pace, { text: ['slept'] })], ['TraceRaise', raise]]),
    objectInfo: {
      TraceSteps: declared({ steps: ['INT', {}], seconds_per_step: ['FLOAT', {}], preview: ['STRING', {}] }),
      TraceSleep: declared({ seconds: ['FLOAT', {}] }),
      TraceSleepOutput: declared({ seconds: ['FLOAT', {}] }, true),
      TraceRaise: declared({ message: ['STRING', {}] }),
    },
  };
}
