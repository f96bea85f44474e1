import { readResponse } from './http-response.js';

const read = (...lines: string[]) => readResponse(Buffer.from(lines.join('\r\n'), 'latin1'));

describe('readResponse', () => {
  it('reads status, headers and body', () => {
    expect(
      read('HTTP/1.1 401 Not you', 'Set-Cookie: a=1', 'Set-Cookie: b=2', 'X-Time: 12:30', '', 'no'),
    ).toEqual({
      status: '401 Not you',
      headers: [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
        ['x-time', '12:30'],
      ],
      body: Buffer.from('no'),
    });
  });

  it('joins the chunks of a body, and of one that was cut off those that are there', () => {
    const head = ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', ''];
    expect(read(...head, '3', 'one', 'A', '0123456789', '0', '', '')?.body.toString()).toBe('one0123456789');
    expect(read(...head, '3', 'one', '')?.body.toString()).toBe('one');
  });

  it('leaves interim responses out', () => {
    const hints = ['HTTP/1.1 103 Early Hints', 'Link: </a>', ''];
    expect(read(...hints, 'HTTP/1.1 404 Not Found', '', '')?.status).toBe('404 Not Found');
  });

  it('is undefined where no head was written', () => {
    expect(read('HTTP/1.1 200 OK')).toBeUndefined();
  });
});
