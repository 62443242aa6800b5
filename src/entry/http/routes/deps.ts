import type { Config } from '../../../core/config.ts';
import type { AccessCoordinator } from '../../../coordinator/access-coordinator.ts';
import type { ImageCoordinator } from '../../../coordinator/images/image-coordinator.ts';
import type { InstanceCoordinator } from '../../../coordinator/instance/instance-coordinator.ts';
import type { QueueCoordinator } from '../../../coordinator/queue/queue-coordinator.ts';
import type { WorkflowCoordinator } from '../../../coordinator/workflow/workflow-coordinator.ts';
import type { ReadMultipart } from '../form.ts';

/** The public face of a class: what a stand-in must have. */
type Face<T> = Pick<T, keyof T>;

/** What the deeds of the routes call. */
export interface RouteDeps {
  readonly config: Config;
  readonly access: Pick<AccessCoordinator, 'authenticate' | 'issueTicket'>;
  readonly workflows: Face<WorkflowCoordinator>;
  readonly queue: Face<QueueCoordinator>;
  readonly images: Face<ImageCoordinator>;
  readonly instances: Pick<InstanceCoordinator, 'readiness'>;
  readonly readMultipart: ReadMultipart;
}

/** Whole bytes of a size that a variable gives in MiB. */
export const bytesOf = (mebibytes: number): number => Math.floor(mebibytes * 1024 * 1024);
