import { z } from 'zod';
import { service } from '../../../constants/service.ts';
import { EngineList, TemplateDetail, TemplateView } from '../../../models/catalog.ts';
import { route, type Route } from '../route.ts';
import type { RouteDeps } from './deps.ts';

export function catalogRoutes({ catalog }: Pick<RouteDeps, 'catalog'>): Route[] {
  return [
    route({
      method: 'get',
      path: `${service.api}/templates`,
      id: 'listTemplates',
      tag: 'Tasks',
      summary: 'Templates',
      description: 'Named workflows with typed inputs, each with a body to begin with.',
      answers: { 200: { description: 'All templates.', schema: z.object({ templates: z.array(TemplateView) }) } },
      errors: [],
      run: () => ({ templates: catalog.templates() }),
    }),
    route({
      method: 'get',
      path: `${service.api}/templates/{name}`,
      id: 'getTemplate',
      tag: 'Tasks',
      summary: 'One template, with its graph',
      params: z.object({ name: z.string().max(200) }),
      answers: { 200: { description: 'The template.', schema: TemplateDetail } },
      errors: ['NOT_FOUND'],
      run: ({ params }) => catalog.template(params.name),
    }),
    route({
      method: 'get',
      path: `${service.api}/engines`,
      id: 'listEngines',
      tag: 'Tasks',
      summary: 'Engines and pipelines',
      description: 'How every registered engine is now, and the pipelines that run on them.',
      answers: { 200: { description: 'All engines.', schema: EngineList } },
      errors: [],
      run: ({ signal }) => catalog.engines(signal),
    }),
  ];
}
