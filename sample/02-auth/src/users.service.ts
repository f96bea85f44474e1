import { Injectable } from '@nestjs/common';

export type Role = 'lead' | 'member';

export interface User {
  readonly name: string;
  /** By team. */
  readonly roles: Readonly<Record<string, Role>>;
}

/** Stands for your own. */
const USERS: (User & { password: string })[] = [
  { name: 'ada', password: 'ada', roles: { engines: 'lead' } },
  { name: 'bob', password: 'bob', roles: { engines: 'member', gardens: 'lead' } },
];

@Injectable()
export class UsersService {
  find(name: string): User | undefined {
    return USERS.find((user) => user.name === name);
  }

  withPassword(name: unknown, password: unknown): User | undefined {
    return USERS.find((user) => user.name === name && user.password === password);
  }
}
