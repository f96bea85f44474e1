import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a token says. */
export interface Claims {
  /** The user's name. */
  readonly sub: string;
  /** When it ends, in seconds since 1970. */
  readonly exp: number;
}

/** Without one in the environment, tokens end with the process. */
const SECRET = process.env.TOKEN_SECRET ?? randomBytes(32);
const HEADER = encode({ alg: 'HS256', typ: 'JWT' });

/** Issues a JSON Web Token (RFC 7519), signed with HMAC SHA-256. */
export function issue(sub: string, seconds: number): string {
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const signed = `${HEADER}.${encode({ sub, exp })}`;
  return `${signed}.${signatureOf(signed).toString('base64url')}`;
}

/** What a token says, or undefined when it is forged, malformed or over. */
export function verify(token: string): Claims | undefined {
  const [header, payload, signature, ...rest] = token.split('.');
  // The one header that is issued here: a token has no say in how it is checked.
  if (header !== HEADER || payload === undefined || signature === undefined || rest.length > 0) return;
  const expected = signatureOf(`${header}.${payload}`);
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return;
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
  return claims.exp * 1000 > Date.now() ? claims : undefined;
}

function signatureOf(signed: string): Buffer {
  return createHmac('sha256', SECRET).update(signed).digest();
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
