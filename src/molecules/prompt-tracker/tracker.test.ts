import { describe, expect, test } from 'vitest';
import { limits } from '../../constants/limits.ts';
import type { PromptEvent } from '../../models/upstream-event.ts';
import { PromptTracker } from './tracker.ts';

const event = (type: PromptEvent['type'], data: Record<string, unknown> = {}, promptId = 'p'): PromptEvent => ({ kind: 'prompt', type, promptId, data });
const never = new AbortController().signal;

function tracking(promptId = 'p', instance = 'one'): PromptTracker {
  const tracker = new PromptTracker();
  tracker.add({ promptId, key: 'alice', clientId: 'page', instance, createdAt: 1, classes: new Map([['1', 'EmptyImage']]) });
  return tracker;
}

describe('a tracked prompt', () => {
  test('goes from submitting to queued to running to ended', () => {
    const tracker = tracking();
    const phase = () => tracker.get('p')?.phase;
    expect(phase()).toBe('submitting');
    tracker.accepted('p', 7, 2);
    expect([phase(), tracker.get('p')?.number]).toEqual(['queued', 7]);
    tracker.apply(event('execution_start'), 3);
    expect([phase(), tracker.get('p')?.startedAt]).toEqual(['running', 3]);
    tracker.ended('p', 'completed', 4);
    expect([phase(), tracker.get('p')?.ending, tracker.get('p')?.run.overall]).toEqual(['ended', { state: 'completed', at: 4 }, 1]);
  });

  test('may run before its submission is answered, and is not put back by the answer', () => {
    const tracker = tracking();
    tracker.apply(event('execution_start'), 2);
    tracker.accepted('p', 0, 3);
    expect([tracker.get('p')?.phase, tracker.get('p')?.acceptedAt]).toEqual(['running', 3]);
  });

  test('whose hand-over got no answer keeps nobody waiting, and counts as taken when the instance shows it', async () => {
    const tracker = tracking();
    const handedOver = tracker.whenHandedOver('p', never);
    tracker.unanswered('p', 2);
    await handedOver;
    await tracker.whenHandedOver('p', never);
    expect(tracker.get('p')).toMatchObject({ phase: 'submitting', unansweredSince: 2, acceptedAt: undefined });
    const seen = tracker.whenSeen('p', never);
    tracker.apply(event('execution_start'), 3);
    await seen;
    expect(tracker.get('p')).toMatchObject({ phase: 'running', acceptedAt: 3 });
    tracker.unanswered('p', 4);
    expect(tracker.get('p')?.unansweredSince).toBe(2);
  });

  test('whose hand-over got no answer is waited for no more when it is followed no more', async () => {
    const tracker = tracking();
    tracker.unanswered('p', 2);
    const seen = tracker.whenSeen('p', never);
    tracker.remove('p');
    await seen;
    await tracker.whenSeen('p', never);
  });

  test('ends once: what comes later is not taken in', () => {
    const tracker = tracking();
    tracker.ended('p', 'failed', 2);
    tracker.ended('p', 'completed', 3);
    expect(tracker.apply(event('executing', { node: '1' }), 4)).toBeUndefined();
    expect(tracker.get('p')?.ending).toEqual({ state: 'failed', at: 2 });
  });

  test('remembers what its nodes showed and what ComfyUI announced', () => {
    const tracker = tracking();
    tracker.apply(event('executed', { node: '1', output: { images: [1] } }), 2);
    tracker.apply(event('executed', { node: '2', output: null }), 2);
    tracker.apply(event('execution_error', { node_id: '1' }), 3);
    expect(tracker.get('p')?.outputs).toEqual({ '1': { images: [1] } });
    expect(tracker.get('p')?.announced?.type).toBe('execution_error');
  });

  test('counts on its instance until it ends, also after a move', () => {
    const tracker = tracking();
    tracker.move('p', 'two');
    expect([tracker.countInFlight('one'), tracker.countInFlight('two')]).toEqual([0, 1]);
    expect(tracker.inFlight('two').map((one) => one.promptId)).toEqual(['p']);
    tracker.ended('p', 'completed', 2);
    expect(tracker.countInFlight('two')).toBe(0);
  });

  test('that was refused never was', () => {
    const tracker = tracking();
    tracker.remove('p');
    expect([tracker.get('p'), tracker.countInFlight('one')]).toEqual([undefined, 0]);
  });

  test('of an earlier process that its instance had is queued', () => {
    const tracker = new PromptTracker();
    const tracked = tracker.add({ promptId: 'p', key: 'k', clientId: 'c', instance: 'one', createdAt: 5, classes: new Map(), adopted: true, acceptedAt: 5 });
    expect([tracked.phase, tracked.acceptedAt, tracked.adopted]).toEqual(['queued', 5, true]);
  });

  test('of an earlier process whose hand-over has no answer keeps nobody waiting, and is queued once its instance shows it', async () => {
    const tracker = new PromptTracker();
    const tracked = tracker.add({ promptId: 'p', key: 'k', clientId: 'c', instance: 'one', createdAt: 5, classes: new Map(), adopted: true, unansweredSince: 6 });
    await tracker.whenHandedOver('p', never);
    expect([tracked.phase, tracked.acceptedAt, tracked.adopted]).toEqual(['submitting', undefined, true]);
    tracker.accepted('p', 3, 7);
    expect([tracked.phase, tracked.acceptedAt]).toEqual(['queued', 7]);
  });

  test('that nobody knows is left alone', () => {
    const tracker = new PromptTracker();
    tracker.accepted('x', 1, 1);
    tracker.move('x', 'two');
    tracker.remove('x');
    expect([tracker.apply(event('executing', {}, 'x'), 1), tracker.ended('x', 'completed', 1)]).toEqual([undefined, []]);
  });
});

describe('the messages of a run', () => {
  const run = (tracker: PromptTracker, missing = false): void => {
    tracker.apply(event('execution_start'), 2);
    if (missing) tracker.missed('one');
    tracker.apply(event('executed', { node: '1', output: {} }), 3);
    tracker.apply(event('executing', { node: null }), 4);
  };

  test('tell how it ended when none was missed', () => {
    const tracker = tracking();
    expect(tracker.get('p')?.told).toBe(false);
    run(tracker);
    expect(tracker.get('p')?.told).toBe(true);
    tracker.missed('one');
    expect(tracker.get('p')?.told).toBe(true);
  });

  test('do not when one may have been missed, or its beginning', () => {
    const [gap, late] = [tracking(), tracking()];
    run(gap, true);
    late.apply(event('executing', { node: null }), 2);
    expect([gap.get('p')?.told, late.get('p')?.told]).toEqual([false, false]);
  });

  test('count from its beginning: what was missed before does not matter, nor what another instance says', () => {
    const tracker = tracking();
    tracker.missed('one');
    tracker.apply(event('execution_start'), 2);
    tracker.missed('two');
    tracker.apply(event('execution_success'), 3);
    expect(tracker.get('p')?.told).toBe(true);
  });
});

describe('whoever waits for an ending', () => {
  test('is woken by it, and at once when it is over or unknown', async () => {
    const tracker = tracking();
    const waited = Promise.all([tracker.whenEnded('p', never), tracker.whenEnded('p', never)]);
    tracker.ended('p', 'completed', 2);
    await waited;
    await tracker.whenEnded('p', never);
    await tracker.whenEnded('unknown', never);
  });

  test('is let go by the signal', async () => {
    const tracker = tracking();
    const gone = new AbortController();
    const waited = tracker.whenEnded('p', gone.signal);
    gone.abort();
    await expect(waited).rejects.toThrow();
    await expect(tracker.whenEnded('p', gone.signal)).rejects.toThrow();
  });
});

describe('whoever waits for the hand-over', () => {
  test.each<[string, (tracker: PromptTracker) => unknown]>([
    ['an instance accepts it', (tracker) => tracker.accepted('p', 3, 2)],
    ['an instance tells of it before it answers', (tracker) => tracker.apply(event('execution_start'), 2)],
    ['it is refused', (tracker) => tracker.remove('p')],
    ['it ends', (tracker) => tracker.ended('p', 'interrupted', 2)],
  ])('is woken when %s, and at once afterwards', async (_what, happen) => {
    const tracker = tracking();
    const waited = tracker.whenHandedOver('p', never);
    happen(tracker);
    await waited;
    await tracker.whenHandedOver('p', never);
  });

  test('is let go by the signal, and does not wait for what is unknown', async () => {
    const tracker = tracking();
    await expect(tracker.whenHandedOver('p', AbortSignal.abort())).rejects.toThrow();
    await tracker.whenHandedOver('unknown', never);
  });
});

test('what is withdrawn on its way is ended by the one who tells endings, and only what is known', async () => {
  const tracker = tracking();
  await tracker.withdraw('p');
  const withdrawn: string[] = [];
  tracker.onWithdrawn((tracked) => Promise.resolve(void withdrawn.push(tracked.promptId)));
  await tracker.withdraw('p');
  await tracker.withdraw('unknown');
  expect(withdrawn).toEqual(['p']);
});

describe('what has ended', () => {
  test('is forgotten when it is too old, and says so', () => {
    const tracker = tracking('old');
    tracker.ended('old', 'completed', 0);
    tracker.add({ promptId: 'new', key: 'k', clientId: 'c', instance: 'one', createdAt: 1, classes: new Map() });
    expect(tracker.ended('new', 'completed', limits.finishedAge + 1)).toEqual(['old']);
    expect([tracker.get('old'), tracker.get('new')?.phase]).toEqual([undefined, 'ended']);
  });

  test('is forgotten when there is too much of it, oldest first', () => {
    const tracker = new PromptTracker();
    const gone: string[] = [];
    for (let n = 0; n < limits.finishedPrompts + 3; n += 1) {
      tracker.add({ promptId: `p${n}`, key: 'k', clientId: 'c', instance: 'one', createdAt: 1, classes: new Map() });
      gone.push(...tracker.ended(`p${n}`, 'completed', 1));
    }
    expect(gone).toEqual(['p0', 'p1', 'p2']);
  });
});

test('a nudge reaches the one who follows that instance', () => {
  const tracker = new PromptTracker();
  const nudged: string[] = [];
  tracker.onNudge('one', () => nudged.push('one'));
  tracker.nudge('one');
  tracker.nudge('nobody');
  expect(nudged).toEqual(['one']);
});
