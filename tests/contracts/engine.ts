/** What every engine behind `src/models/engine.ts` must do, against a stand-in that speaks the real protocol. */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failedWith } from '../../src/core/errors.ts';
import type { Engine, EngineEvent, EngineJob, EngineJobRef } from '../../src/models/engine.ts';

/** An engine with what stands behind it. */
export interface EngineStand extends AsyncDisposable {
  readonly engine: Engine;
  /** A new job each time. `quick` ends by itself with a picture; `long` works for some seconds and reacts when it is stopped; `failing` raises while it runs; `invalid` is refused. */
  job(kind: 'quick' | 'long' | 'failing' | 'invalid'): EngineJob;
  /** How often the outsider ran it. */
  executions(jobId: string): number;
  /** Somebody else stops it. */
  stopElsewhere(jobId: string): Promise<void>;
  /** The outsider forgets everything, that job at least. */
  restart(jobId: string): Promise<void>;
  /** The next hand-over gets no good answer although it arrives. */
  loseNextAnswer(): void;
  /** What `knows` says of a job that was never handed over. */
  readonly strangers: false | 'unknown';
  /** Each run costs: what nobody knows the outcome of is not run again by itself. */
  readonly bills: boolean;
  /** Nobody answers any more. */
  leave(): Promise<void>;
}

const signal = (): AbortSignal => AbortSignal.timeout(30_000);

async function story(engine: Engine, job: EngineJobRef): Promise<EngineEvent[]> {
  const events: EngineEvent[] = [];
  for await (const event of engine.watch(job, signal())) events.push(event);
  return events;
}

const isEnding = ({ kind }: EngineEvent): boolean => kind === 'completed' || kind === 'failed' || kind === 'stopped';

export function engineContract(make: () => Promise<EngineStand>): void {
  let stand: EngineStand;
  let engine: Engine;
  beforeEach(async () => {
    stand = await make();
    ({ engine } = stand);
  });
  afterEach(async () => {
    await stand[Symbol.asyncDispose]();
  });

  const handed = async (kind: 'quick' | 'long' | 'failing'): Promise<EngineJobRef> => (await engine.submit(stand.job(kind), signal())).job;

  /** Resolves when the job runs. */
  async function running(job: EngineJobRef): Promise<void> {
    for await (const event of engine.watch(job, signal())) if (event.kind === 'progress') return;
  }

  describe('a job', () => {
    it('is run once and watched to exactly one ending, which is the last event', async () => {
      const job = await handed('quick');
      const events = await story(engine, job);
      expect(events.filter(isEnding)).toHaveLength(1);
      expect(events.at(-1)).toMatchObject({ kind: 'completed' });
      expect(stand.executions(job.id)).toBe(1);
    });

    it('that has ended is told the same to whoever watches it later', async () => {
      const job = await handed('quick');
      const first = (await story(engine, job)).at(-1);
      expect((await story(engine, job)).at(-1)).toEqual(first);
    });

    it('gives its files as streams, and again when they are asked for again', async () => {
      const job = await handed('quick');
      await story(engine, job);
      const outputs = [];
      for await (const output of engine.outputs(job, signal())) outputs.push(output);
      expect(outputs).toHaveLength(1);
      const [output] = outputs;
      const opened = await output?.open(signal());
      const bytes = await buffer(opened?.body ?? Readable.from([]));
      expect(bytes.length).toBeGreaterThan(0);
      expect(opened?.size ?? bytes.length).toBe(bytes.length);
      expect((await buffer((await output?.open(signal()))?.body ?? Readable.from([]))).equals(bytes)).toBe(true);
    });

    it('tells progress that never goes back', async () => {
      const events = await story(engine, await handed('quick'));
      const overall = events.flatMap((event) => (event.kind === 'progress' ? [event.progress.overall] : []));
      expect(overall).toEqual(overall.toSorted((a, b) => a - b));
    });

    it('that is refused throws why, is not known, and is not tried again by itself', async () => {
      const job = stand.job('invalid');
      await expect(engine.submit(job, signal())).rejects.toSatisfy((error) => failedWith(error, 'WORKFLOW_VALIDATION_ERROR'));
      expect(await engine.knows({ id: job.id, caller: job.caller }, signal())).toBe(stand.strangers);
    });

    it('that raises ends as failed for good, with a code and a reason', async () => {
      const ending = (await story(engine, await handed('failing'))).at(-1);
      expect(ending).toMatchObject({ kind: 'failed', again: false, error: { code: 'WORKFLOW_EXECUTION_ERROR' } });
    });

    it('is known from the moment it was handed over, and not before', async () => {
      const job = stand.job('quick');
      expect(await engine.knows({ id: job.id, caller: job.caller }, signal())).toBe(stand.strangers);
      const handedOver = await engine.submit(job, signal());
      expect(await engine.knows(handedOver.job, signal())).toBe(true);
    });

    it('whose hand-over got no answer is looked for, not handed over again', async () => {
      stand.loseNextAnswer();
      if (stand.bills) {
        const lost = stand.job('quick');
        await expect(engine.submit(lost, signal())).rejects.toSatisfy((error) => failedWith(error, 'ENGINE_OUTCOME_UNKNOWN') && !error.retryable);
        expect(stand.executions(lost.id)).toBe(1);
        return;
      }
      const { job } = await engine.submit(stand.job('quick'), signal());
      expect((await story(engine, job)).at(-1)).toMatchObject({ kind: 'completed' });
      expect(stand.executions(job.id)).toBe(1);
    });
  });

  describe('stopping', () => {
    it('ends a running job as stopped by us', async () => {
      const job = await handed('long');
      await running(job);
      await engine.cancel(job);
      expect((await story(engine, job)).at(-1)).toMatchObject({ kind: 'stopped', byUs: true });
    });

    it('of one that is over, or that nobody knows, does nothing', async () => {
      const job = await handed('quick');
      await story(engine, job);
      await engine.cancel(job);
      await engine.cancel({ id: 'nobody-knows-it', caller: job.caller });
      expect((await story(engine, job)).at(-1)).toMatchObject({ kind: 'completed' });
    });

    it('by somebody else is told apart from ours', async () => {
      const job = await handed('long');
      await running(job);
      await stand.stopElsewhere(job.id);
      expect((await story(engine, job)).at(-1)).toMatchObject({ kind: 'stopped', byUs: false });
    });

    it('to watch leaves the job alone', async () => {
      const job = await handed('quick');
      const leaving = new AbortController();
      const watching = engine.watch(job, leaving.signal)[Symbol.asyncIterator]();
      leaving.abort();
      await expect(async () => {
        for (let next = await watching.next(); next.done !== true; next = await watching.next()) if (isEnding(next.value)) return;
      }).rejects.toThrow();
      expect((await story(engine, job)).at(-1)).toMatchObject({ kind: 'completed' });
    });
  });

  describe('an outsider', () => {
    it('that forgot a job lets it end as failed, to be tried again unless that may cost twice', async () => {
      const job = await handed('long');
      await running(job);
      await stand.restart(job.id);
      expect((await story(engine, job)).at(-1)).toMatchObject({ kind: 'failed', again: !stand.bills, error: { code: 'PROMPT_LOST' } });
    });

    it('that is there is healthy and has room; one that left is neither, and says why', async () => {
      expect(await engine.health(signal())).toMatchObject({ healthy: true });
      expect(engine.capacity()).toBeGreaterThan(0);
      await stand.leave();
      expect(engine.capacity()).toBe(0);
      expect(await engine.health(signal())).toMatchObject({ healthy: false, reason: expect.stringMatching(/.{20}/) as unknown });
      const job = stand.job('quick');
      await expect(engine.submit(job, signal())).rejects.toSatisfy((error) => failedWith(error, 'CONNECTION_ERROR') && error.retryable);
      expect(await engine.knows({ id: job.id, caller: job.caller }, signal())).toBe(stand.strangers);
    });
  });
}
