import { execFile } from 'node:child_process';
import path from 'node:path';
import type { Deployment } from './deployment.js';
import type { Row } from './rows.js';
import type { Wire } from './servers/index.js';
import { TOKEN, type Work } from './work.js';

/** tools/bench.js builds it there. */
const WSLOAD = path.join(import.meta.dirname, '../wsload');

/** How long a run of a row is measured, in full. */
const SECONDS = 2;
/** Messages after which V8 has compiled what is hot. It takes a second at least. */
const WARM_UP = 100_000;

/** How much is done for a row. */
export interface Effort {
  /** Instead of what the row says. */
  readonly rounds?: number;
  /** Of a row that asks for many. */
  readonly manyRounds?: number;
  /** Of a full run's time and warm-up. */
  readonly share: number;
  /** Default: as the row says. */
  readonly maxConnections?: number;
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/** What one run of one server measured. */
export interface Run {
  /** Server CPU per message (handshake), µs, or memory per connection, bytes. */
  readonly cost: number;
  /** The same of a cluster's broker. */
  readonly brokerCost?: number;
  /** Of a broadcast: from its sending to a delivery, ms. */
  readonly latency?: Latency;
  /** Messages or handshakes a second, by the clock on the wall. */
  readonly perSecond: number;
  /** CPUs kept busy by the server and by the load generator. */
  readonly serverCpu: number;
  readonly clientCpu: number;
}

/** The part of the load generator's report that is read here. */
interface Report {
  readonly msgs: number;
  readonly msgs_per_s: number;
  readonly bytes_in: number;
  readonly errors: number;
  readonly bad: number;
  readonly missing: number;
  readonly first_error: string;
  readonly latency_us: Latency;
  readonly bytes_per_conn: number;
  /** CPUs kept busy, by process. */
  readonly server_cpus: readonly number[];
  readonly client_cpu: number;
}

/** @throws Error for a wrong or missing answer, and for a connection that failed */
export async function runLoad(row: Row, deployment: Deployment, effort: Effort): Promise<Run> {
  const { wire } = deployment;
  const report = await wsload([
    ...loadArguments(row, effort),
    ...wireArguments(wire, row),
    ...serverArguments(deployment),
    `ws://127.0.0.1:${deployment.servers[0]!.port}${pathOf(wire, row.work)}`,
  ]);
  const isIdle = row.load.mode === 'idle';
  if (!isIdle && report.msgs === 0) throw new Error('nothing was answered');
  if (row.load.deflate && report.bytes_in / report.msgs >= row.load.size!)
    throw new Error('nothing was compressed');
  const serverCpu = sum(report.server_cpus.slice(0, deployment.servers.length));
  return {
    cost: isIdle ? report.bytes_per_conn : perMessage(serverCpu, report),
    perSecond: report.msgs_per_s,
    serverCpu,
    clientCpu: report.client_cpu,
    ...(deployment.broker && { brokerCost: perMessage(report.server_cpus.at(-1)!, report) }),
    ...(row.load.mode === 'fanout' && { latency: latencyOf(report) }),
  };
}

/** CPUs kept busy as µs of each message. */
const perMessage = (cpus: number, { msgs_per_s: perSecond }: Report) => (cpus * 1e6) / perSecond;

const latencyOf = ({ latency_us: { p50, p99 } }: Report): Latency => ({ p50: p50 / 1e3, p99: p99 / 1e3 });

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

function loadArguments(
  { load, warmUp = WARM_UP }: Row,
  { share, maxConnections = Infinity }: Effort,
): string[] {
  const args = ['-m', load.mode, '-c', `${Math.min(load.connections, maxConnections)}`];
  args.push('-w', `${share}`, '--warm-msgs', `${Math.round(warmUp * share)}`, '-d', `${SECONDS * share}`);
  if (load.inFlight) args.push('-P', `${load.inFlight}`);
  if (load.burst) args.push('--burst', `${load.burst}`);
  if (load.size) args.push('-s', `${load.size}`);
  if (load.numbered) args.push('--number');
  if (load.mode === 'idle') args.push('--gc-signal');
  // It cannot inflate; the check before the run can.
  return [...args, load.deflate ? '--deflate' : '--verify'];
}

function serverArguments({ servers, broker }: Deployment): string[] {
  const processes = [...servers, ...(broker ? [broker] : [])];
  const args = ['--pid', processes.map(({ pid }) => pid).join()];
  if (servers.length > 1)
    args.push(
      '--ports',
      servers
        .slice(1)
        .map(({ port }) => port)
        .join(),
    );
  return args;
}

function wireArguments(wire: Wire, { work, load }: Row): string[] {
  if (wire === 'events') return ['--pre', `{"event":"${work}","data":"`, '--post', '"}'];
  if (wire === 'socket.io') return ['--sio', '--pre', `42["${work}","`, '--post', '"]'];
  return load.text ? [] : ['-b'];
}

function pathOf(wire: Wire, work: Work): string {
  if (wire === 'socket.io') return '/socket.io/';
  return work === 'guarded' ? `/${work}?token=${TOKEN}` : `/${work}`;
}

function wsload(args: readonly string[]): Promise<Report> {
  return new Promise((resolve, reject) => {
    execFile(WSLOAD, args, (error, stdout, stderr) => {
      if (stdout === '') return reject(new Error(stderr.trim() || error?.message));
      const report = JSON.parse(stdout) as Report;
      if (error) reject(new Error(faultsOf(report)));
      else resolve(report);
    });
  });
}

function faultsOf({ bad, missing, errors, first_error: first }: Report): string {
  const failed = first === '' ? '' : ` (the first: ${first})`;
  return `${bad} wrong answers, ${missing} missing, ${errors} failed connections${failed}`;
}
