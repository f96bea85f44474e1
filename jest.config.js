/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test', '<rootDir>/sample'],
  testRegex: '\\.(spec|e2e-spec)\\.ts$',
  testPathIgnorePatterns: ['/node_modules/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/test/nest11/node_modules/'],
  testTimeout: 15_000,
  maxWorkers: 2,
  // Modules of a spec stay in memory. A worker that has a gigabyte of them takes longer to end than Jest waits.
  workerIdleMemoryLimit: '800MB',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nestjs-websock$': '<rootDir>/src/index.ts',
    '^nestjs-websock/core$': '<rootDir>/src/core.ts',
    '^nestjs-websock/gateway$': '<rootDir>/src/gateway.ts',
    '^nestjs-websock/msgpack$': '<rootDir>/src/msgpack/index.ts',
    '^nestjs-websock/nats$': '<rootDir>/src/nats.ts',
    '^nestjs-websock/opentelemetry$': '<rootDir>/src/opentelemetry/index.ts',
    '^nestjs-websock/redis$': '<rootDir>/src/redis.ts',
    '^nestjs-websock/telemetry$': '<rootDir>/src/telemetry.ts',
    '^nestjs-websock/testing$': '<rootDir>/src/testing/index.ts',
    '^nestjs-websock/uws$': '<rootDir>/src/uws/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          target: 'es2022',
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
};
