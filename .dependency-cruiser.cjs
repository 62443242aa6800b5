/**
 * The layers of the house, kept by a machine. Every comment says what to do instead.
 * Unit tests beside the source (*.test.ts) and the assembly (src/entry/container.ts and its folder) may see every floor.
 */
const SHARED = '^src/(models|core|constants)/';
const TESTS = '\\.test\\.ts$';
/** The assembly, and the parts of it that stand in its folder. */
const ASSEMBLY = '^src/entry/container(\\.ts$|/)';

/** Files of `floor` may import only what matches `allowed` inside src. */
const floor = (name, allowed, comment) => ({
  name: `floor-${name}`,
  comment,
  severity: 'error',
  from: { path: `^src/${name}/`, pathNot: [TESTS, ASSEMBLY] },
  to: { path: '^src/', pathNot: [`^src/${name}/`, ...allowed] },
});

/** Rooms of one floor are strangers: what two of them need together, the floor above composes. */
const strangers = (name) => ({
  name: `strangers-${name}`,
  comment: `Two rooms of ${name} met. Let the floor above call both, or move the noun they share to src/models.`,
  severity: 'error',
  from: { path: `^src/${name}/([^/.]+)`, pathNot: TESTS },
  to: { path: `^src/${name}/`, pathNot: `^src/${name}/$1(/|\\.)` },
});

/** A library lives behind the doors that match `home`. */
const library = (name, packages, home, comment) => ({
  name: `library-${name}`,
  comment,
  severity: 'error',
  from: { path: '^src/', pathNot: [TESTS, home] },
  to: { path: packages },
});

const pkg = (...names) => names.map((name) => `node_modules/${name}/`);

module.exports = {
  forbidden: [
    floor('entry', ['^src/coordinator/', SHARED], 'Entry is doors: call a coordinator. Wiring belongs in entry/container.ts.'),
    floor('coordinator', ['^src/molecules/', SHARED], 'A coordinator composes molecules: wrap the skill in a molecule, and never reach up.'),
    floor('molecules', ['^src/atoms/', SHARED], 'A molecule uses atoms: what needs a coordinator belongs one floor up.'),
    floor('atoms', [SHARED], 'An atom knows one library and nothing of the house: move the policy to a molecule.'),
    floor('models', ['^src/constants/'], 'Models are nouns: they see constants only.'),
    floor('core', ['^src/(models|constants)/'], 'Core holds rules of the house: it sees constants and models only.'),
    floor('constants', [], 'Constants see nothing.'),
    strangers('coordinator'),
    strangers('molecules'),
    strangers('atoms'),
    library('io', [...pkg('axios', 'form-data', 'sharp', 'busboy', 'file-type', 'yaml', 'chokidar'), '^(node:)?fs(/|$)', '^(node:)?(child_process|sqlite)$'], '^src/atoms/', 'I/O libraries live in atoms: add or use an atom.'),
    library('http', ['^(node:)?(http|https|net|tls)$'], '^src/(atoms|entry)/', 'Calls go out through an atom; only the doors in entry listen.'),
    library('express', pkg('express', 'helmet', 'cors', 'express-rate-limit', 'swagger-ui-dist', 'redoc'), '^src/entry/', 'Express and what belongs to it live in entry.'),
    library('container', pkg('tsyringe', 'reflect-metadata'), '^src/entry/container\\.ts$', 'Only entry/container.ts knows the container: take collaborators in the constructor.'),
    library('ws', pkg('ws'), '^src/(atoms/websocket/|entry/)', 'Sockets: the client is in atoms/websocket, the server in entry.'),
    library('winston', pkg('winston', 'winston-daily-rotate-file'), '^src/core/', 'Log through src/core/logger.ts.'),
    { name: 'no-cycles', comment: 'A cycle: move what both need to a third file.', severity: 'error', from: { path: '^(src|sandbox)/' }, to: { circular: true } },
    { name: 'islands-src', comment: 'sandbox/, web/, tests/ and bench/ are reached by URL or as a process, never by import.', severity: 'error', from: { path: '^src/', pathNot: TESTS }, to: { path: '^(sandbox|web|tests|bench|scripts)/' } },
    { name: 'islands-sandbox', comment: 'The sandbox stands alone: it must not know the gateway.', severity: 'error', from: { path: '^sandbox/' }, to: { path: '^(src|web|bench)/' } },
    { name: 'no-dev-dependencies', comment: 'Running code may use dependencies only: move the package out of devDependencies.', severity: 'error', from: { path: '^(src|sandbox)/', pathNot: TESTS }, to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'undetermined'] } },
    { name: 'no-unresolvable', comment: 'This import leads nowhere.', severity: 'error', from: { path: '^(src|sandbox)/' }, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: `${__dirname}/tsconfig.json` },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'], extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'] },
  },
};
