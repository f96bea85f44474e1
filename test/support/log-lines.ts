import type { LoggerService } from '@nestjs/common';

export interface LogLine {
  readonly level: 'log' | 'error' | 'warn' | 'debug';
  readonly message: string;
  readonly stack: string | undefined;
}

/** A Nest logger that keeps the lines of one context. */
export class LogLines implements LoggerService {
  readonly lines: LogLine[] = [];

  constructor(private readonly context = 'WebSock') {}

  log = (message: string, ...rest: string[]) => this.#add('log', message, rest);
  error = (message: string, ...rest: string[]) => this.#add('error', message, rest);
  warn = (message: string, ...rest: string[]) => this.#add('warn', message, rest);
  debug = (message: string, ...rest: string[]) => this.#add('debug', message, rest);

  at(level: LogLine['level']): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message);
  }

  #add(level: LogLine['level'], message: string, rest: string[]): void {
    if (rest.at(-1) === this.context)
      this.lines.push({ level, message, stack: rest.length > 1 ? rest[0] : undefined });
  }
}
