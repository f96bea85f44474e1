import type { Control } from './control.js';
import type { TraceEvent } from './trace.js';

/** A fixture in another process, by its control URL. */
export function remoteControl(url: string): Control {
  const ask = async <T>(path: string, query: Record<string, string>, body?: object): Promise<T> => {
    const response = await fetch(`${url}${path}?${new URLSearchParams(query).toString()}`, {
      method: 'POST',
      body: body && JSON.stringify(body),
    });
    return JSON.parse(await response.text()) as T;
  };
  return {
    start: async (options) => (await ask<{ port: number }>('/start', {}, options)).port,
    stop: (port) => ask('/stop', { port: String(port) }),
    trace: (id) => ask<{ alive: boolean; trace: TraceEvent[] }>('/trace', { id }),
    info: (id, message) => ask('/info', { id, msg: message }),
  };
}
