import tseslint from 'typescript-eslint';

const floors = 'src/{entry,coordinator,molecules,atoms,models,core,constants}';
const onlyClientOfWs = { name: 'ws', importNames: ['WebSocketServer', 'Server', 'default'], message: 'Below entry ws is a client: import { WebSocket }.' };
const onlyServerOfWs = { name: 'ws', importNames: ['default'], message: 'Entry accepts sockets: import { WebSocketServer }, and WebSocket as a type.' };

const bareError = {
  selector: "NewExpression[callee.name='Error'], ThrowStatement > CallExpression[callee.name='Error']",
  message: 'Every "no" has a code: throw fail(code, …) of src/core/errors.ts.',
};
const environment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'The environment is read once, in src/core/config.ts.',
};

/** The budgets of STYLE: they bound the tail, not the middle. */
const budgets = {
  'max-lines': ['error', { max: 300 }],
  'max-lines-per-function': ['error', { max: 50, skipBlankLines: true, skipComments: true }],
  'max-params': ['error', 3],
  complexity: ['error', 15],
  'max-depth': ['error', 4],
};

export default tseslint.config(
  { ignores: ['node_modules/', 'data/', 'logs/', 'output/', 'input/', 'tests/fixtures/', 'coverage/'] },
  ...tseslint.configs.recommendedTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      'no-empty': ['error', { allowEmptyCatch: false }],
      'no-console': 'error',
      eqeqeq: 'error',
      'prefer-const': 'error',
    },
  },
  { files: ['src/**/*.ts', 'sandbox/**/*.ts'], ignores: ['**/*.test.ts'], rules: budgets },
  { files: [`${floors}/**/*.ts`], ignores: ['**/*.test.ts'], rules: { 'no-restricted-syntax': ['error', bareError, environment] } },
  { files: ['src/core/config.ts'], rules: { 'no-restricted-syntax': ['error', bareError] } },
  { files: ['src/{coordinator,molecules,atoms,models,core,constants}/**/*.ts'], ignores: ['**/*.test.ts'], rules: { 'no-restricted-imports': ['error', { paths: [onlyClientOfWs] }] } },
  { files: ['src/entry/**/*.ts'], ignores: ['**/*.test.ts'], rules: { 'no-restricted-imports': ['error', { paths: [onlyServerOfWs] }] } },
  {
    // Tests look into answers and into pages of a browser, which no type describes; the assertion is the check.
    files: ['tests/**/*.ts', '**/*.test.ts'],
    rules: Object.fromEntries(['assignment', 'member-access', 'return', 'call', 'argument'].map((kind) => [`@typescript-eslint/no-unsafe-${kind}`, 'off'])),
  },
  { files: ['bench/**/*.ts', 'scripts/**'], rules: { 'no-console': 'off' } },
);
