import { BadRequestException, type PipeTransform } from '@nestjs/common';

/** The name of a board, of the page and of the upgrade alike. */
export class BoardNamePipe implements PipeTransform<unknown, string> {
  transform(name: unknown): string {
    if (typeof name === 'string' && /^[\w-]{4,40}$/.test(name)) return name;
    throw new BadRequestException('The name of a board has 4 to 40 letters, digits, - and _.');
  }
}
