import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';
import { answering } from './answering.js';
import type { Round } from './events.js';
import { IoService, type TeamSocket } from './io.service.js';
import { TeamsService } from './teams.service.js';

export const ANSWER_TIME = 'answer time';

const QUESTION = z.string().trim().min(1).max(200);
const PICTURE = z.instanceof(Buffer);
const DAYS = z.number().min(0).max(1_000);

/** What members of a team say to each other: listeners of socket.io, with providers of Nest. */
@Injectable()
export class PlanningService implements OnModuleInit {
  /** @param answerTime how long a team has to answer, ms */
  constructor(
    private readonly io: IoService,
    private readonly teams: TeamsService,
    @Inject(ANSWER_TIME) private readonly answerTime: number,
  ) {}

  onModuleInit(): void {
    this.io.teams.on('connection', (socket) => this.arrived(socket));
    this.io.lobby.on('connection', (socket) => socket.emit('teams', this.teams.sizes()));
  }

  private arrived(socket: TeamSocket): void {
    const { name, team } = socket.data.member;
    const ask = answering(QUESTION, (question) => this.ask(question, name, team));
    const show = answering(PICTURE, (picture) => this.show(picture, socket));
    void socket.join(roomOf(team));
    socket.on('ask', ask);
    socket.on('sketch', show);
    socket.on('disconnect', () => {
      this.teams.leave(team);
      this.io.teams.to(roomOf(team)).emit('left', name);
      this.tellLobby();
    });
    this.teams.enter(team);
    socket.to(roomOf(team)).emit('came', name);
    this.tellLobby();
  }

  private ask(question: string, asker: string, team: string): Promise<Round> {
    return this.teams.inRound(team, async () => {
      const answers = await this.io.teams
        .to(roomOf(team))
        .timeout(this.answerTime)
        .emitWithAck('estimate', question, asker)
        // Some have not answered in time.
        .catch(({ responses }: { responses: number[] }) => responses);
      const estimates = answers.filter((days) => DAYS.safeParse(days).success).sort((a, b) => a - b);
      const round = { question, estimates };
      this.io.teams.to(roomOf(team)).emit('round', round);
      return round;
    });
  }

  private show(picture: Buffer, socket: TeamSocket): number {
    const { name, team } = socket.data.member;
    socket.to(roomOf(team)).emit('sketch', picture, name);
    return this.teams.sizes()[team]! - 1;
  }

  private tellLobby(): void {
    this.io.lobby.emit('teams', this.teams.sizes());
  }
}

/** Not the bare name: socket.io has rooms that are named by the ids of sockets. */
function roomOf(team: string): string {
  return `team ${team}`;
}
