import { ConflictException, Injectable } from '@nestjs/common';

/** Who is there, and who is being asked. */
@Injectable()
export class TeamsService {
  private readonly members = new Map<string, number>();
  private readonly asked = new Set<string>();

  enter(team: string): void {
    this.members.set(team, (this.members.get(team) ?? 0) + 1);
  }

  leave(team: string): void {
    const left = this.members.get(team)! - 1;
    if (left > 0) this.members.set(team, left);
    else this.members.delete(team);
  }

  sizes(): Record<string, number> {
    return Object.fromEntries(this.members);
  }

  /** One round at a time for a team. */
  async inRound<T>(team: string, work: () => Promise<T>): Promise<T> {
    if (this.asked.has(team)) throw new ConflictException('Your team is being asked already.');
    this.asked.add(team);
    try {
      return await work();
    } finally {
      this.asked.delete(team);
    }
  }
}
