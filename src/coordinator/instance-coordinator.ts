import type { Readiness } from '../models/instance.ts';
import { fail } from '../core/errors.ts';

export class InstanceCoordinator {
  readiness(): Readiness { throw fail('INTERNAL_ERROR', 'not wired'); }
}
