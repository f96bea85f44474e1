import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { floors } from './eslint/floors.js';

export default defineConfig(
  { ignores: ['dist/', 'coverage/', '**/node_modules/', 'bench/.built/'] },
  tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Leaves files with decorators alone: a class imported with `import type` is lost to Nest's injection.
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { house: { rules: { floors } } },
    rules: { 'house/floors': 'error' },
  },
  {
    // Written to be compiled, not to run.
    files: ['test/types/**/*.ts'],
    rules: { '@typescript-eslint/no-unused-vars': 'off', '@typescript-eslint/no-floating-promises': 'off' },
  },
);
