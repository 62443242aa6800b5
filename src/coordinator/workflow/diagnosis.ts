import { limits } from '../../constants/limits.ts';
import { reasonOf } from '../../core/errors.ts';
import type { Caller } from '../../models/caller.ts';
import type { DiagnosisAnswer, InstanceDiagnosis } from '../../models/diagnosis.ts';
import type { Instance } from '../../models/instance.ts';
import type { NodeDeclarations } from '../../models/node-declaration.ts';
import type { Workflow } from '../../models/workflow.ts';
import { checkAll } from '../../molecules/graph/check.ts';
import { diagnose, isWarning } from '../../molecules/graph/doctor.ts';
import { nearestFinder } from '../../molecules/graph/nearest.ts';
import type { ComfyuiParts, WorkflowParts } from './parts.ts';

/** What an instance declares, or why that is not known. */
type Known = { readonly declarations: NodeDeclarations } | { readonly reason: string };

/** What of WorkflowParts it takes. */
type DiagnosisParts = Pick<WorkflowParts, 'pool'> & { readonly comfyui: Pick<ComfyuiParts, 'info'> };

/** Says what is wrong with a workflow, on which instance, without running it. */
export class Diagnosis {
  readonly #parts: DiagnosisParts;

  constructor(parts: DiagnosisParts) {
    this.#parts = parts;
  }

  /** The same for every caller: files of callers are not judged. Rejects only when the signal aborts. */
  async run(_caller: Caller, workflow: Workflow, signal: AbortSignal): Promise<DiagnosisAnswer> {
    const { faults: errors, readable } = checkAll(workflow);
    const instances = this.#parts.pool.all();
    const unread: Known = { reason: 'The workflow cannot be looked at: see errors.' };
    const known = readable ? await Promise.all(instances.map((instance) => this.#ask(instance, signal))) : instances.map(() => unread);
    signal.throwIfAborted();
    const nearest = nearestFinder();
    const told = known.map((one, index): InstanceDiagnosis => {
      const instance = instances[index]?.name ?? '';
      if ('reason' in one) return { instance, checked: false, reason: one.reason, valid: false, errors: [], warnings: [] };
      const faults = diagnose(workflow, one.declarations, nearest);
      const own = faults.filter((fault) => !isWarning(fault));
      return { instance, checked: true, valid: errors.length + own.length === 0, errors: own, warnings: faults.filter(isWarning) };
    });
    return { valid: told.some(({ valid }) => valid), instances: told, errors };
  }

  /** One that is slow today is taken at its last word; one that is away is not. */
  async #ask(instance: Instance, signal: AbortSignal): Promise<Known> {
    const { comfyui, pool } = this.#parts;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(limits.showingPatience)]);
    const { promise: late, resolve } = Promise.withResolvers<Known>();
    const there = pool.isHealthy(instance.name);
    const give = (): void => {
      const declarations = there ? comfyui.info.known(instance) : undefined;
      resolve(declarations ? { declarations } : { reason: `Instance ${instance.name} did not say within ${limits.showingPatience / 1_000} s which nodes it has.` });
    };
    if (limit.aborted) give();
    limit.addEventListener('abort', give, { once: true });
    const asked = comfyui.info.recent(instance, there ? limits.declarationsAge : 0);
    const answer = asked.then((declarations): Known => ({ declarations }), (error: unknown): Known => ({ reason: reasonOf(error) }));
    return Promise.race([answer, late]).finally(() => limit.removeEventListener('abort', give));
  }
}
