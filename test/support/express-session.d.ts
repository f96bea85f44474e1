/** As far as the tests use it; its published types would bring Express's along. */
declare module 'express-session' {
  import type { IncomingMessage, ServerResponse } from 'node:http';
  interface SessionOptions {
    secret: string;
    resave: boolean;
    saveUninitialized: boolean;
  }
  type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;
  export default function session(options: SessionOptions): Middleware;
}
