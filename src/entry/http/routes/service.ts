import { z } from 'zod';
import { service } from '../../../constants/service.ts';
import { InstanceStatus } from '../../../models/instance.ts';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

const TicketAnswer = z
  .object({
    ticket: z.string().meta({ description: `Give it once as ${service.socket}/{client_id}?ticket=…` }),
    expires_at: z.number().meta({ description: 'Milliseconds since 1970.' }),
    expires_in: z.number().meta({ description: 'Seconds.' }),
  })
  .meta({ id: 'TicketAnswer' });

const Alive = z.object({ status: z.literal('ok') }).meta({ id: 'Alive' });

const Ready = z
  .object({
    ready: z.boolean().meta({ description: 'Prompts can be submitted: at least one instance is healthy.' }),
    healthy: z.int().meta({ description: 'Instances whose event socket is open.' }),
    total: z.int(),
    instances: z.array(InstanceStatus).optional().meta({ description: 'For admins only.' }),
  })
  .meta({ id: 'Ready' });
type Ready = z.infer<typeof Ready>;

export function serviceRoutes({ access, instances }: Pick<RouteDeps, 'access' | 'instances'>): Route[] {
  return [
    route({
      method: 'post',
      path: `${service.socket}/tickets`,
      id: 'createTicket',
      tag: 'Service',
      summary: 'Ticket for a browser socket',
      description: 'A browser cannot send a header when it opens a WebSocket: it gives a ticket instead. Each serves once, for 60 seconds.',
      answers: { 200: { description: 'The ticket.', schema: TicketAnswer } },
      errors: [],
      run: ({ caller, response }) => {
        response.setHeader('Cache-Control', 'no-store');
        return access.issueTicket(caller);
      },
    }),
    route({
      method: 'get',
      path: '/healthz',
      id: 'getHealth',
      tag: 'Service',
      summary: 'Is the process alive',
      open: true,
      answers: { 200: { description: 'It is.', schema: Alive } },
      errors: [],
      run: () => ({ status: 'ok' }),
    }),
    route({
      method: 'get',
      path: '/readyz',
      id: 'getReadiness',
      tag: 'Service',
      summary: 'Can work be taken',
      description: 'Details of instances are told to admins only.',
      open: true,
      answers: { 200: { description: 'Yes.', schema: Ready }, 503: { description: 'Not now.', schema: Ready } },
      errors: [],
      run: ({ caller, response }): Ready => {
        const now = instances.readiness();
        response.status(now.ready ? 200 : 503).setHeader('Cache-Control', 'no-store');
        const healthy = now.instances.filter((one) => one.healthy).length;
        return { ready: now.ready, healthy, total: now.instances.length, ...(caller.admin ? { instances: now.instances } : {}) };
      },
    }),
  ];
}
