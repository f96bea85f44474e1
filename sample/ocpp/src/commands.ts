import { z } from 'zod';

const name = z.string().max(50);

/** What stations can be asked for over HTTP, and with what. Their answers go to the caller as they are. */
export const COMMANDS: ReadonlyMap<string, readonly [action: string, payload: z.ZodObject]> = new Map([
  command('remote-start', 'RemoteStartTransaction', {
    idTag: name.max(20),
    connectorId: z.int().min(1).optional(),
  }),
  command('remote-stop', 'RemoteStopTransaction', { transactionId: z.int() }),
  command('reset', 'Reset', { type: z.enum(['Hard', 'Soft']) }),
  command('get-configuration', 'GetConfiguration', { key: z.array(name).optional() }),
  command('change-configuration', 'ChangeConfiguration', { key: name, value: z.string().max(500) }),
]);

function command(path: string, action: string, payload: z.ZodRawShape) {
  return [path, [action, z.strictObject(payload)]] as const;
}
