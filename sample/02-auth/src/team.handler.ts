import { Param, UseGuards } from '@nestjs/common';
import {
  Connection,
  OnIn,
  OnInfo,
  OnInit,
  OnUpgrade,
  push,
  stop,
  text,
  WebSockHandler,
  type DataMessage,
} from 'nestjs-websock';
import { AuthGuard, Me, type Identity } from './auth.guard.js';
import { Roles, TeamGuard } from './team.guard.js';

interface State {
  readonly name: string;
  readonly team: string;
}

/** The longest that a timer can wait. */
const MAX_DELAY = 2 ** 31 - 1;

@WebSockHandler('teams/:team', { protocols: ['chat.v1'] })
@UseGuards(AuthGuard, TeamGuard)
@Roles('lead', 'member')
export class TeamHandler {
  @OnUpgrade()
  admit(@Me() identity: Identity, @Param('team') team: string) {
    return { ...identity, team };
  }

  @OnInit()
  enter({ user: { name, roles }, expiresAt, team }: Identity & State, connection: Connection) {
    // Guards have looked once; the connection may outlive what they saw.
    const left = Math.max(0, expiresAt - Date.now());
    connection.sendInfoAfter(Math.min(left, MAX_DELAY), 'expired');
    return push(text(`Welcome to ${team}, ${name} (${roles[team]}).`), { name, team });
  }

  @OnIn()
  say([, data]: DataMessage, state: State) {
    return push(text(`${state.name} in ${state.team}: ${data.toString()}`), state);
  }

  @OnInfo()
  expired(_info: 'expired', state: State) {
    return stop('normal', [4401, 'The session has ended'], state);
  }
}

/** The same for leads only. */
@WebSockHandler('teams/:team/lead', { protocols: ['chat.v1'] })
@UseGuards(AuthGuard, TeamGuard)
@Roles('lead')
export class LeadHandler extends TeamHandler {}
