/**
 * The subject of a channel: one token, whatever the channel is. Letters, digits and `-_:/` stay as they are, other bytes are `=` and
 * two hexadecimal digits. Of 512 bytes at most 1 536 are made; a server takes 4 096 in a line.
 */
export function subjectOf(prefix: string, channel: string): string {
  // A token must not be empty. Of nothing else comes a lone =.
  if (channel === '') return `${prefix}=`;
  if (/^[\w:/-]+$/.test(channel)) return prefix + channel;
  let token = '';
  for (const byte of Buffer.from(channel)) {
    const character = String.fromCharCode(byte);
    token += /[\w:/-]/.test(character) ? character : `=${byte.toString(16).padStart(2, '0')}`;
  }
  return prefix + token;
}

/** Whether subjects may begin like this: tokens that are not empty, without wildcards and white space. */
export function isSubjectPrefix(prefix: unknown): boolean {
  return typeof prefix === 'string' && /^[^\s.*>]+(\.[^\s.*>]+)*\.?$/.test(prefix);
}
