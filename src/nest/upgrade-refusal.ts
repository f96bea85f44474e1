import { HttpException } from '@nestjs/common';
import { UpgradeError } from '../websock/errors.js';

/** What Nest's exception layer answers as the error says; anything but a refused upgrade as it is. */
export function toHttpException(error: unknown, setHeader: (name: string, value: string) => void): unknown {
  if (!(error instanceof UpgradeError)) return error;
  const { status, headers, message } = error;
  // An HttpException carries no headers.
  for (const [name, value] of Object.entries(headers)) setHeader(name, value);
  return new HttpException({ statusCode: status, message }, status, { cause: error });
}

/** Nobody reads it any more; but it ends the request quietly, as any other error would not. */
export function answeredAlready(): HttpException {
  return new HttpException({ statusCode: 503, message: 'The upgrade request was answered already' }, 503);
}
