import { jsonReply, type Reply } from '../reply.ts';
import type { World } from '../world.ts';

/** Code 0 in the envelope of v1. Which word stands in msg is up to the knobs. */
export function ok(world: World, data: unknown, usual = 'success'): Reply {
  return envelope(world, { code: 0, msg: usual, data });
}

export function envelope(world: World, { code, msg, data }: { code: number; msg: string; data: unknown }): Reply {
  const told = { code, msg: code === 0 ? successMsg(world, msg) : msg, errorMessages: null };
  return jsonReply(data === undefined ? told : { ...told, data });
}

export function successMsg({ knobs, counters }: World, usual: string): string {
  switch (knobs.state.successMsg) {
    case 'usual': return usual;
    case 'SUCCESS': return 'SUCCESS';
    case 'empty': return '';
    case 'alternating': return ['success', 'SUCCESS', ''][counters.requestCount % 3] ?? '';
  }
}
