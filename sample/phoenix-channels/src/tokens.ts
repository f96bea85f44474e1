import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Of all nodes, and from one start to the next, if it is given. */
const SECRET = process.env.SECRET ?? randomBytes(32);

/** In front of the client's `authToken` among the offered subprotocols, then base64. */
const AUTH_TOKEN = 'base64url.bearer.phx.';

/** A user's name, signed. */
export function sign(user: string): string {
  return `${Buffer.from(user).toString('base64url')}.${signature(user)}`;
}

/** Whose token it is; undefined for a wrong one. */
export function verify(token: unknown): string | undefined {
  if (typeof token !== 'string') return undefined;
  const [name = '', given = ''] = token.split('.');
  const user = Buffer.from(name, 'base64url').toString();
  const [right, brought] = [Buffer.from(signature(user)), Buffer.from(given)];
  return right.length === brought.length && timingSafeEqual(right, brought) ? user : undefined;
}

/** The `authToken` of a client, which keeps it out of the address. */
export function offeredToken(protocols = ''): string | undefined {
  const offered = protocols.split(',').map((name) => name.trim());
  const token = offered.find((name) => name.startsWith(AUTH_TOKEN))?.slice(AUTH_TOKEN.length);
  return token && Buffer.from(token, 'base64').toString();
}

function signature(user: string): string {
  return createHmac('sha256', SECRET).update(user).digest('base64url');
}
