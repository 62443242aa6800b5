/** Pages for people: the API document in two readers, and the start page. All of it is served from here; nothing is fetched elsewhere. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Express, RequestHandler } from 'express';
import helmet from 'helmet';
import { fail } from '../../core/errors.ts';

export interface PagesOptions {
  readonly title: string;
  /** The document as text; asked for at every call. */
  readonly document: () => string;
  /** Folder of the start page; it may be missing, then `/` leads to the document. */
  readonly startFolder?: string;
}

const shared = { defaultSrc: ["'none'"], scriptSrc: ["'self'"], connectSrc: ["'self'"], imgSrc: ["'self'", 'data:', 'blob:'], fontSrc: ["'self'", 'data:'], baseUri: ["'none'"], formAction: ["'self'"], frameAncestors: ["'none'"] };
const policy = (more: Record<string, string[]>): RequestHandler => helmet.contentSecurityPolicy({ useDefaults: false, directives: { ...shared, ...more } });

/** Both readers write style attributes and elements at run time; ReDoc searches in a worker that it makes from a blob. */
const swaggerPolicy = policy({ styleSrc: ["'self'", "'unsafe-inline'"] });
const redocPolicy = policy({ styleSrc: ["'self'", "'unsafe-inline'"], workerSrc: ['blob:'] });
const startPolicy = policy({ styleSrc: ["'self'"], mediaSrc: ["'self'", 'blob:'] });

const packageFile = (name: string): string => createRequire(import.meta.url).resolve(name);
const escape = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Mounts `/openapi.json`, `/docs`, `/redoc` and `/`. */
export function mountPages(app: Express, { title, document, startFolder = fileURLToPath(new URL('../../../web/start', import.meta.url)) }: PagesOptions): void {
  app.get('/openapi.json', (_request, response) => void response.type('application/json').send(document()));
  mountReader(app, '/docs', { policy: swaggerPolicy, page: swaggerPage(title), start: swaggerStart, files: swaggerFiles });
  mountReader(app, '/redoc', { policy: redocPolicy, page: redocPage(title), start: redocStart, files: redocFiles });
  app.get('/', startPolicy, (_request, response) => sendFrom(startFolder)('index.html', response, () => response.redirect('/docs')));
  for (const name of ['start.js', 'start.css']) app.get(`/${name}`, startPolicy, (_request, response, next) => sendFrom(startFolder)(name, response, () => next(fail('NOT_FOUND', `/${name}`))));
}

type SendOrElse = (name: string, response: Parameters<RequestHandler>[1], otherwise: () => void) => void;

const sendFrom = (root: string): SendOrElse => (name, response, otherwise) =>
  response.sendFile(name, { root, dotfiles: 'allow', cacheControl: false, headers: { 'Cache-Control': 'no-cache' } }, (error) => {
    if (error && !response.headersSent) otherwise();
  });

interface Reader {
  readonly policy: RequestHandler;
  readonly page: string;
  readonly start: string;
  /** File name in the address → folder. Found on first use. */
  readonly files: Readonly<Record<string, () => string>>;
}

function mountReader(app: Express, path: string, { policy: guard, page, start, files }: Reader): void {
  app.get(path, guard, (_request, response) => void response.type('html').send(page));
  app.get(`${path}/start.js`, (_request, response) => void response.type('text/javascript').send(start));
  for (const [name, folder] of Object.entries(files)) app.get(`${path}/${name}`, (_request, response, next) => sendFrom(folder())(name, response, () => next(fail('NOT_FOUND', `${path}/${name}`))));
}

const swaggerFolder = (): string => dirname(packageFile('swagger-ui-dist/package.json'));
const swaggerFiles = { 'swagger-ui.css': swaggerFolder, 'swagger-ui-bundle.js': swaggerFolder, 'favicon-32x32.png': swaggerFolder };
const redocFiles = { 'redoc.standalone.js': () => join(dirname(packageFile('redoc/package.json')), 'bundles') };

const swaggerPage = (title: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}: API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="reader"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const swaggerStart = `window.addEventListener('load', () => {
  window.reader = SwaggerUIBundle({ url: '/openapi.json', domNode: document.getElementById('reader'), deepLinking: true, displayRequestDuration: true, persistAuthorization: false, validatorUrl: null });
});
`;

const redocPage = (title: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}: API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="reader"></div>
<script src="/redoc/redoc.standalone.js"></script>
<script src="/redoc/start.js"></script>
</body>
</html>
`;

/** ReDoc shows its maker's logo from a server of theirs; the page must not call out, so that picture stays away. */
const redocStart = `const own = (value) => new URL(value, location.href).origin === location.origin || /^(data|blob):/.test(value);
const { setAttribute } = Element.prototype;
const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, 'src');
HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name !== 'src' || own(value)) setAttribute.call(this, name, value);
};
Object.defineProperty(HTMLImageElement.prototype, 'src', { ...source, set(value) { if (own(value)) source.set.call(this, value); } });
Redoc.init('/openapi.json', { hideHostname: true }, document.getElementById('reader'));
`;
