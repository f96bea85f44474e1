/*
 * wsload - a WebSocket load generator in one C file.
 *
 * Single thread, epoll, non-blocking sockets, no dependencies beyond libc and
 * Linux.  It is meant to be so much cheaper per message than the server under
 * test that the server is the bottleneck; to prove it in every run it reports
 * its own CPU use next to the server's (give --pid).
 *
 * Build:  cc -O2 -Wall -Wextra -o wsload wsload.c
 *
 * How it stays cheap
 *   - The frame to send is built and masked once.  A block of up to 64 copies
 *     is kept, so answering k messages is one write() of k*frame bytes.
 *   - One read() per readiness event into one shared buffer; the parser only
 *     keeps a header and a byte count per connection and never copies payload.
 *   - The handshake key is the one of RFC 6455, section 1.3, so the expected
 *     Sec-WebSocket-Accept is a constant and no SHA-1 is needed.
 *
 * Modes
 *   echo     Closed loop: every connection keeps -P messages in flight; each
 *            reply releases the next.  With --rate R: open loop, R messages/s
 *            over all connections, latency counted from the INTENDED send time
 *            (so a stalled server is charged for the queue it caused).
 *   fanin    Send only.  The unit is K data frames followed by one ping; the
 *            pong acknowledges that the server has consumed the K frames.
 *            -P units are in flight per connection.
 *   fanout   Connection 0 publishes --burst messages in one write; the server
 *            must deliver each to every connection (the publisher too).  -P
 *            rounds in flight.  A round is complete when all have all of it.
 *            With --ports the connections are dealt out to the nodes of a
 *            cluster in turn, and all publishing is done on the first; with
 *            --number every message has a number, and must come in its place.
 *   connect  -c handshakes in flight, each connection is closed (RST) as soon
 *            as the 101 has been read, and replaced.
 *   idle     Open -c connections, hold them for -d seconds, report the
 *            server's resident memory before and after (needs --pid).
 *   slow     One message starts the server's pushing; connections then read
 *            --read-rate bytes/s (1e9 and more: as fast as they can).
 *            Reports the server's peak memory.
 *
 * After the measured time of echo, fanin and fanout nothing new is sent, and
 * what is in flight has a few seconds to be answered: what is not is "missing".
 *
 * The result is one JSON object on stdout; the exit code is 1 if an answer was
 * wrong or missing, or a connection failed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------------- options */

enum mode { ECHO, FANIN, FANOUT, CONNECT, IDLE, SLOW };
static const char *mode_names[] = {"echo", "fanin", "fanout", "connect", "idle", "slow"};

static struct {
  enum mode mode;
  char host[256];
  char port[16];
  char path[1024];
  int conns;          /* -c */
  int pipeline;       /* -P */
  size_t size;        /* -s payload bytes */
  int binary;         /* -b */
  int utf8;           /* text payload with 2-byte characters */
  const char *pre;    /* text put before ... */
  const char *post;   /* ... and after the payload (JSON protocols) */
  double duration;    /* -d */
  double warmup;      /* -w */
  double rate;        /* --rate, 0 = closed loop */
  double read_rate;   /* --read-rate, slow mode */
  int ramp;           /* handshakes in flight while opening */
  int pid;            /* server process, 0 = unknown; the first of pids */
  int pids[16], n_pids; /* all whose CPU is told */
  char ports[16][16]; /* fanout: of the other nodes */
  int n_ports;
  int number;         /* fanout: the first 8 bytes of each payload are its number, in hex */
  int gc_signal;      /* send SIGUSR2 to the server before sampling memory */
  int deflate;        /* offer permessage-deflate */
  int sio;            /* speak engine.io v4 / socket.io v5 framing */
  int verify;         /* compare what is delivered: type, length, bytes */
  int ack_every;      /* fanin: data frames per ping */
  int burst;          /* fanout: messages per round */
  uint64_t warm_msgs; /* the warm-up lasts until so many messages, at most 20 s more */
  const char *proto;  /* Sec-WebSocket-Protocol */
  int fin_close;      /* connect mode: FIN instead of RST */
  const char *tag;    /* copied to the output */
} opt = {.mode = ECHO, .host = "127.0.0.1", .port = "9001", .path = "/", .conns = 64,
         .pipeline = 1, .size = 64, .pre = "", .post = "", .duration = 3, .warmup = 1,
         .ramp = 128, .burst = 1, .read_rate = 1e6, .tag = ""};

static void die(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  fprintf(stderr, "wsload: ");
  vfprintf(stderr, fmt, ap);
  fprintf(stderr, "\n");
  va_end(ap);
  exit(2);
}

/* ------------------------------------------------------------------- time */

static inline uint64_t now_ns(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* -------------------------------------------------------------- histogram */
/* Log-linear, 64 steps per power of two: at most 1.6 % relative error. */

#define SUB_BITS 6
#define SUB (1u << SUB_BITS)
#define BUCKETS ((64 - SUB_BITS + 1) * SUB)

struct hist {
  uint64_t n, max;
  double sum;
  uint64_t b[BUCKETS];
};

static inline void hist_add(struct hist *h, uint64_t v) {
  unsigned i;
  if (v < SUB) {
    i = (unsigned)v;
  } else {
    unsigned shift = 63u - (unsigned)__builtin_clzll(v) - SUB_BITS;
    i = (shift + 1) * SUB + (unsigned)((v >> shift) - SUB);
  }
  h->b[i]++;
  h->n++;
  h->sum += (double)v;
  if (v > h->max) h->max = v;
}

static uint64_t hist_quantile(const struct hist *h, double q) {
  uint64_t want = (uint64_t)(q * (double)h->n + 0.5), seen = 0;
  if (want < 1) want = 1;
  for (unsigned i = 0; i < BUCKETS; i++) {
    seen += h->b[i];
    if (seen >= want) {
      uint64_t v;
      if (i < SUB) return i;
      unsigned shift = i / SUB - 1;
      v = ((uint64_t)(i % SUB) + SUB) << shift;
      v += (1ull << shift) / 2; /* middle of the bucket */
      return v < h->max ? v : h->max;
    }
  }
  return h->max;
}

static struct hist lat;       /* per message (or per unit, per handshake) */
static struct hist round_lat; /* fanout: publish -> last delivery */

static void json_hist(const char *name, const struct hist *h) {
  printf(",\"%s\":{\"n\":%llu,\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}",
         name, (unsigned long long)h->n, h->n ? h->sum / (double)h->n / 1e3 : 0.0,
         (double)hist_quantile(h, .5) / 1e3, (double)hist_quantile(h, .9) / 1e3,
         (double)hist_quantile(h, .99) / 1e3, (double)hist_quantile(h, .999) / 1e3,
         (double)h->max / 1e3);
}

/* --------------------------------------------------- the server's process */
/* schedstat: nanoseconds on the CPU and nanoseconds runnable but waiting for
 * one.  The second number tells how much somebody else's work disturbed us. */

struct proc { double cpu, wait; };

static int read_schedstat(const char *path, struct proc *p) {
  FILE *f = fopen(path, "r");
  unsigned long long run, wait;
  int ok;
  if (!f) return 0;
  ok = fscanf(f, "%llu %llu", &run, &wait) == 2;
  fclose(f);
  if (ok) p->cpu += (double)run / 1e9, p->wait += (double)wait / 1e9;
  return ok;
}

static struct proc proc_sample(int pid) {
  struct proc p = {0, 0};
  char path[64];
  struct dirent *e;
  DIR *d;
  if (!pid) return p;
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  if (!(d = opendir(path))) return p;
  while ((e = readdir(d))) {
    char t[400];
    if (e->d_name[0] == '.') continue;
    snprintf(t, sizeof t, "/proc/%d/task/%s/schedstat", pid, e->d_name);
    read_schedstat(t, &p);
  }
  closedir(d);
  return p;
}

/* Of all servers, and of each. */
static struct proc sample_servers(double *each) {
  struct proc sum = {0, 0};
  for (int i = 0; i < opt.n_pids; i++) {
    struct proc p = proc_sample(opt.pids[i]);
    each[i] = p.cpu;
    sum.cpu += p.cpu, sum.wait += p.wait;
  }
  return sum;
}

static long proc_kb(int pid, const char *key) {
  char path[64], line[256];
  long v = -1;
  FILE *f;
  if (!pid) return -1;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  if (!(f = fopen(path, "r"))) return -1;
  while (fgets(line, sizeof line, f))
    if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':') {
      v = atol(line + strlen(key) + 1);
      break;
    }
  fclose(f);
  return v;
}

/* ------------------------------------------------------------ connections */

enum cstate { CLOSED, CONNECTING, HANDSHAKE, SIO_OPEN, SIO_CONNECT, OPEN };

struct conn {
  int fd;
  uint8_t state;
  uint8_t want_out;   /* EPOLLOUT armed */
  uint8_t paused;     /* slow mode: not in the read set */
  /* sending: whole units owed (the started one included), bytes of it sent */
  uint32_t owed;
  uint32_t tx_off;
  /* small control frames waiting for a frame boundary */
  uint8_t ctl_len, ctl[140];
  /* receiving */
  uint8_t hlen;        /* header bytes gathered */
  uint8_t hdr[10];
  uint8_t op, fin;     /* of the current frame */
  uint8_t in_payload;
  uint8_t pfx_len, pfx[4]; /* first bytes of the message, for socket.io */
  uint8_t cpay_len, cpay[125]; /* control frame payload */
  uint64_t need;       /* payload bytes still to come in this frame */
  uint64_t got;        /* payload bytes of this message so far */
  uint64_t rx_msgs;    /* complete messages */
  uint64_t born;       /* connect() time */
  /* send times of what is in flight, oldest first */
  uint64_t *ts;
  uint32_t ts_head, ts_tail; /* free running, masked by ts_mask */
  /* handshake response */
  char *hs;
  uint16_t hs_len;
};

static struct conn *conns;
static uint32_t ts_mask;
static int ep = -1;
/* Of each node: connection i is one of node i % n_nodes. */
static struct sockaddr_storage addrs[17];
static socklen_t addr_len;
static int n_nodes;

/* What is sent. */
static uint8_t *unit;      /* `unit_rep` copies of one unit, back to back */
static size_t unit_len;
static size_t unit_rep;
static unsigned unit_msgs; /* data messages in one unit */
static uint8_t *payload;   /* as the server sees it; with --number those of a round, back to back */
static size_t payload_len;

static char request[2048];
static size_t request_len;

static uint8_t *rbuf;
#define RBUF (256 * 1024)

/* Counters, reset when the warm-up ends; but for those of what went wrong. */
static struct counters {
  uint64_t msgs, bytes_in, bytes_out, sent, handshakes, errors, closed, bad, overrun, reads, writes, rounds;
} st;

static int n_open, n_connecting, n_dead;
static int running, stopping, measuring;
static uint64_t t_measure;
static char first_error[160];

/* fanout rounds */
#define ROUNDS 64
static uint64_t round_ts[ROUNDS];
static uint32_t round_cnt[ROUNDS];
static uint64_t round_next;

static void note_error(const char *what, int err) {
  st.errors++;
  if (!first_error[0])
    snprintf(first_error, sizeof first_error, "%s%s%s", what, err ? ": " : "", err ? strerror(err) : "");
}

static void conn_start(struct conn *c);

static void conn_kill(struct conn *c, int rst) {
  if (c->state == CLOSED) return;
  if (rst) {
    struct linger l = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
  }
  if (c->state == OPEN) n_open--;
  else n_connecting--;
  close(c->fd);
  c->fd = -1;
  c->state = CLOSED;
}

static void conn_fail(struct conn *c, const char *what, int err) {
  if (!stopping) {
    note_error(what, err);
    st.closed++;
  }
  conn_kill(c, 0);
  n_dead++;
}

static void arm(struct conn *c, int out) {
  struct epoll_event ev;
  if (c->want_out == out && !c->paused) return;
  c->want_out = (uint8_t)out;
  ev.events = EPOLLIN | (out ? EPOLLOUT : 0);
  ev.data.ptr = c;
  epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
}

/* Writes what the connection owes.  Control frames go out only between units. */
static void flush(struct conn *c) {
  for (;;) {
    const uint8_t *p;
    size_t len, reps;
    ssize_t n;
    int ctl = c->ctl_len && c->tx_off == 0;
    if (ctl) {
      p = c->ctl, len = c->ctl_len;
    } else if (c->owed) {
      reps = c->owed < unit_rep ? c->owed : unit_rep;
      p = unit + c->tx_off, len = reps * unit_len - c->tx_off;
    } else {
      break;
    }
    n = send(c->fd, p, len, MSG_NOSIGNAL);
    st.writes++;
    if (n < 0) {
      if (errno == EAGAIN) {
        arm(c, 1);
        return;
      }
      conn_fail(c, "send", errno);
      return;
    }
    st.bytes_out += (uint64_t)n;
    if (ctl) {
      memmove(c->ctl, c->ctl + n, c->ctl_len - (size_t)n);
      c->ctl_len = (uint8_t)(c->ctl_len - n);
      if ((size_t)n < len) { /* a partly sent control frame: rare enough to wait for */
        arm(c, 1);
        return;
      }
    } else {
      size_t total = c->tx_off + (size_t)n;
      uint32_t whole = (uint32_t)(total / unit_len);
      c->owed -= whole;
      c->tx_off = (uint32_t)(total % unit_len);
      st.sent += (uint64_t)whole * unit_msgs;
      if ((size_t)n < len) {
        arm(c, 1);
        return;
      }
    }
  }
  if (c->want_out) arm(c, 0);
}

/* Queues one unit; the caller flushes. */
static inline void push_unit(struct conn *c, uint64_t t) {
  if (c->ts_tail - c->ts_head > ts_mask) {
    st.overrun++;
    return;
  }
  c->ts[c->ts_tail++ & ts_mask] = t;
  c->owed++;
}

static void push_ctl(struct conn *c, int op, const uint8_t *p, size_t len) {
  static const uint8_t mask[4] = {0x5a, 0x13, 0xc7, 0x7e};
  uint8_t *q = c->ctl + c->ctl_len;
  if (len > 125 || c->ctl_len + 6 + len > sizeof c->ctl) return;
  *q++ = (uint8_t)(0x80 | op);
  *q++ = (uint8_t)(0x80 | len);
  memcpy(q, mask, 4), q += 4;
  for (size_t i = 0; i < len; i++) *q++ = p[i] ^ mask[i & 3];
  c->ctl_len = (uint8_t)(q - c->ctl);
}

/* Numbers the messages of a round, in their frames and where they are compared. */
static void number_round(void) {
  static const uint8_t mask[4] = {0x12, 0xa4, 0x76, 0xe8};
  size_t fl = unit_len / unit_msgs, at = strlen(opt.pre), head = fl - payload_len;
  for (unsigned k = 0; k < unit_msgs; k++) {
    char digits[9];
    snprintf(digits, sizeof digits, "%08x", (unsigned)(round_next * unit_msgs + k));
    memcpy(payload + k * payload_len + at, digits, 8);
    for (size_t i = 0; i < 8; i++) unit[k * fl + head + at + i] = (uint8_t)digits[i] ^ mask[(at + i) & 3];
  }
}

static void begin_round(uint64_t t) {
  struct conn *pub = &conns[0];
  if (pub->state != OPEN) return;
  if (opt.number) number_round();
  round_ts[round_next % ROUNDS] = t;
  round_cnt[round_next % ROUNDS] = 0;
  round_next++;
  pub->owed++;
  flush(pub);
}

/* Starts the traffic once every connection is open. */
static void start_traffic(void) {
  uint64_t t = now_ns();
  running = 1;
  switch (opt.mode) {
  case ECHO:
    if (opt.rate > 0) break;
    /* fall through */
  case FANIN:
    for (int i = 0; i < opt.conns; i++) {
      struct conn *c = &conns[i];
      if (c->state != OPEN) continue;
      for (int k = 0; k < opt.pipeline; k++) push_unit(c, t);
      flush(c);
    }
    break;
  case FANOUT:
    for (int k = 0; k < opt.pipeline; k++) begin_round(t);
    break;
  case SLOW:
    for (int i = 0; i < opt.conns; i++)
      if (conns[i].state == OPEN) conns[i].owed = 1, flush(&conns[i]);
    break;
  default:
    break;
  }
}

static void conn_opened(struct conn *c, uint64_t t) {
  c->state = OPEN;
  n_connecting--;
  n_open++;
  st.handshakes++;
  if (opt.mode == CONNECT) {
    hist_add(&lat, t - c->born);
    conn_kill(c, !opt.fin_close);
    if (!stopping) conn_start(c);
  }
}

/* Has a message come back with its type and length?  parse() compares the bytes. */
static inline int is_whole(int op, uint64_t len) {
  return len == payload_len && op == (opt.binary ? 2 : 1);
}

/* A whole data message (op 1 or 2), or a pong (op 10), has arrived. */
static inline void on_message(struct conn *c, int op, uint64_t len, uint64_t t) {
  if (opt.sio && op == 1) {
    if (c->pfx[0] == '2' && c->pfx_len >= 1 && len == 1) { /* engine.io ping */
      push_ctl(c, 1, (const uint8_t *)"3", 1);
      return;
    }
    if (c->state == SIO_OPEN) { /* '0{...}' open packet: join the default namespace */
      push_ctl(c, 1, (const uint8_t *)"40", 2);
      c->state = SIO_CONNECT;
      return;
    }
    if (c->state == SIO_CONNECT) { /* '40{...}' */
      conn_opened(c, t);
      return;
    }
  }
  if (!running) return;
  c->rx_msgs++;
  switch (opt.mode) {
  case ECHO:
    if (c->ts_head == c->ts_tail) { /* an answer to nothing */
      st.bad++;
      return;
    }
    if (opt.verify && !is_whole(op, len)) st.bad++;
    st.msgs++;
    hist_add(&lat, t - c->ts[c->ts_head++ & ts_mask]);
    if (opt.rate <= 0 && !stopping) push_unit(c, t);
    break;
  case FANIN:
    if (op != 10) break;
    if (c->ts_head == c->ts_tail) {
      st.bad++;
      return;
    }
    st.msgs += unit_msgs;
    hist_add(&lat, t - c->ts[c->ts_head++ & ts_mask]);
    if (!stopping) push_unit(c, t);
    break;
  case FANOUT: {
    uint64_t r = (c->rx_msgs - 1) / (uint64_t)opt.burst;
    if (opt.verify && !is_whole(op, len)) st.bad++;
    if (r >= round_next) {
      st.bad++;
      return;
    }
    st.msgs++;
    hist_add(&lat, t - round_ts[r % ROUNDS]);
    if (++round_cnt[r % ROUNDS] == (uint32_t)(opt.conns * opt.burst)) {
      st.rounds++;
      hist_add(&round_lat, t - round_ts[r % ROUNDS]);
      if (!stopping) begin_round(t);
    }
    break;
  }
  default:
    st.msgs++;
  }
}

static void frame_end(struct conn *c, uint64_t t) {
  c->in_payload = 0;
  c->hlen = 0;
  if (c->op >= 8) {
    if (c->op == 9) push_ctl(c, 10, c->cpay, c->cpay_len);
    else if (c->op == 10) { if (opt.mode == FANIN) on_message(c, 10, c->cpay_len, t); }
    else if (c->op == 8) conn_fail(c, "close frame", 0);
    return;
  }
  if (c->fin) {
    uint64_t len = c->got;
    c->got = 0;
    on_message(c, c->op ? c->op : 1, len, t);
    c->pfx_len = 0;
  }
}

/* Feeds n bytes of the server's stream to the frame parser. */
static void parse(struct conn *c, const uint8_t *p, size_t n, uint64_t t) {
  const uint8_t *end = p + n;
  while (p < end) {
    if (c->in_payload) {
      size_t k = (size_t)(end - p) < c->need ? (size_t)(end - p) : (size_t)c->need;
      if (c->op >= 8) {
        memcpy(c->cpay + c->cpay_len, p, k);
        c->cpay_len = (uint8_t)(c->cpay_len + k);
      } else {
        if (opt.sio)
          for (size_t i = 0; i < k && c->pfx_len < 4; i++) c->pfx[c->pfx_len++] = p[i];
        /* All connections are in the same round then. */
        const uint8_t *want = payload + (opt.number ? c->rx_msgs % (uint64_t)opt.burst * payload_len : 0);
        if (opt.verify && running && opt.mode != FANIN &&
            (c->got + k > payload_len || memcmp(want + c->got, p, k)))
          st.bad++;
        c->got += k;
      }
      p += k;
      c->need -= k;
      if (!c->need) {
        frame_end(c, t);
        if (c->state == CLOSED) return;
      }
      continue;
    }
    c->hdr[c->hlen++] = *p++;
    if (c->hlen < 2) continue;
    unsigned l7 = c->hdr[1] & 0x7f;
    unsigned want = l7 < 126 ? 2 : l7 == 126 ? 4 : 10;
    if (c->hlen < want) continue;
    if (c->hdr[1] & 0x80) {
      conn_fail(c, "masked frame from the server", 0);
      return;
    }
    c->op = c->hdr[0] & 0x0f;
    c->fin = c->hdr[0] >> 7;
    if (l7 < 126) c->need = l7;
    else if (l7 == 126) c->need = (uint64_t)c->hdr[2] << 8 | c->hdr[3];
    else {
      c->need = 0;
      for (int i = 2; i < 10; i++) c->need = c->need << 8 | c->hdr[i];
    }
    c->cpay_len = 0;
    c->in_payload = 1;
    if (c->op >= 8 && c->need > 125) {
      conn_fail(c, "control frame too long", 0);
      return;
    }
    if (!c->need) {
      frame_end(c, t);
      if (c->state == CLOSED) return;
    }
  }
}

/* Reads the 101 answer.  Returns the bytes that belong to the frames after it. */
static void handshake_bytes(struct conn *c, const uint8_t *p, size_t n, uint64_t t) {
  size_t i;
  char *e;
  if (!c->hs) c->hs = malloc(4096), c->hs_len = 0;
  for (i = 0; i < n && c->hs_len < 4095; i++) {
    c->hs[c->hs_len++] = (char)p[i];
    if (c->hs_len >= 4 && !memcmp(c->hs + c->hs_len - 4, "\r\n\r\n", 4)) {
      i++;
      c->hs[c->hs_len] = 0;
      if (strncmp(c->hs, "HTTP/1.1 101", 12)) {
        if ((e = strchr(c->hs, '\r'))) *e = 0;
        char msg[96];
        snprintf(msg, sizeof msg, "handshake refused: %.70s", c->hs);
        conn_fail(c, msg, 0);
        return;
      }
      if (!strstr(c->hs, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) {
        conn_fail(c, "wrong Sec-WebSocket-Accept", 0);
        return;
      }
      free(c->hs);
      c->hs = NULL;
      c->hlen = c->in_payload = 0;
      c->got = 0;
      if (opt.sio) c->state = SIO_OPEN;
      else conn_opened(c, t);
      if (opt.mode != CONNECT && i < n) parse(c, p + i, n - i, t);
      return;
    }
  }
  if (c->hs_len >= 4095) conn_fail(c, "handshake answer too long", 0);
}

static void on_readable(struct conn *c) {
  ssize_t n = recv(c->fd, rbuf, RBUF, 0);
  uint64_t t;
  st.reads++;
  if (n <= 0) {
    if (n < 0 && errno == EAGAIN) return;
    conn_fail(c, n ? "recv" : "server closed", n ? errno : 0);
    return;
  }
  st.bytes_in += (uint64_t)n;
  t = now_ns();
  if (c->state == HANDSHAKE) handshake_bytes(c, rbuf, (size_t)n, t);
  else parse(c, rbuf, (size_t)n, t);
  if (c->state > HANDSHAKE && (c->owed || c->ctl_len) && !c->want_out) flush(c);
}

static void conn_start(struct conn *c) {
  struct epoll_event ev;
  int one = 1;
  const struct sockaddr *addr = (struct sockaddr *)&addrs[(c - conns) % n_nodes];
  c->fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) die("socket: %s (raise ulimit -n?)", strerror(errno));
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (opt.mode == SLOW) {
    int small = 65536;
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  }
  c->born = now_ns();
  c->state = CONNECTING;
  c->want_out = 1;
  c->owed = c->tx_off = c->ctl_len = c->hs_len = 0;
  c->rx_msgs = 0;
  n_connecting++;
  if (connect(c->fd, addr, addr_len) < 0 && errno != EINPROGRESS) {
    conn_fail(c, "connect", errno);
    return;
  }
  ev.events = EPOLLIN | EPOLLOUT;
  ev.data.ptr = c;
  if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) < 0) die("epoll_ctl: %s", strerror(errno));
}

static void on_writable(struct conn *c) {
  if (c->state == CONNECTING) {
    int err = 0;
    socklen_t l = sizeof err;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &l);
    if (err) {
      conn_fail(c, "connect", err);
      return;
    }
    if (send(c->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len) {
      conn_fail(c, "send request", errno);
      return;
    }
    c->state = HANDSHAKE;
    arm(c, 0);
    return;
  }
  flush(c);
}

/* --------------------------------------------------------------- building */

static void build(void) {
  static const uint8_t mask[4] = {0x12, 0xa4, 0x76, 0xe8};
  size_t pre = strlen(opt.pre), post = strlen(opt.post), hl = 0, fl;
  uint8_t hdr[14], *one;
  const char *sep = "";

  payload_len = pre + opt.size + post;
  payload = malloc(payload_len * (opt.number ? (size_t)opt.burst : 1) + 1);
  memcpy(payload, opt.pre, pre);
  for (size_t i = 0; i < opt.size; i++)
    payload[pre + i] = opt.binary ? (uint8_t)(i * 131 + 7) : (uint8_t)('a' + i % 26);
  if (opt.utf8)
    for (size_t i = 0; i + 1 < opt.size; i += 2) payload[pre + i] = 0xc3, payload[pre + i + 1] = 0xa9;
  memcpy(payload + pre + opt.size, opt.post, post);
  if (opt.number)
    for (int k = 1; k < opt.burst; k++) memcpy(payload + (size_t)k * payload_len, payload, payload_len);

  hdr[hl++] = opt.binary ? 0x82 : 0x81;
  if (payload_len < 126) hdr[hl++] = (uint8_t)(0x80 | payload_len);
  else if (payload_len < 65536) {
    hdr[hl++] = 0x80 | 126;
    hdr[hl++] = (uint8_t)(payload_len >> 8);
    hdr[hl++] = (uint8_t)payload_len;
  } else {
    hdr[hl++] = 0x80 | 127;
    for (int i = 7; i >= 0; i--) hdr[hl++] = (uint8_t)((uint64_t)payload_len >> (8 * i));
  }
  memcpy(hdr + hl, mask, 4), hl += 4;
  fl = hl + payload_len;
  one = malloc(fl);
  memcpy(one, hdr, hl);
  for (size_t i = 0; i < payload_len; i++) one[hl + i] = payload[i] ^ mask[i & 3];

  unit_msgs = 1;
  unit_len = fl;
  if (opt.mode == FANIN) {
    size_t k = opt.ack_every ? (size_t)opt.ack_every : 65536 / fl;
    if (k < 1) k = 1;
    if (k > 64 && !opt.ack_every) k = 64;
    unit_msgs = (unsigned)k;
    unit_len = k * fl + 6;
  }
  if (opt.mode == FANOUT) unit_msgs = (unsigned)opt.burst, unit_len = unit_msgs * fl;
  unit_rep = 262144 / unit_len;
  if (unit_rep < 1 || opt.number) unit_rep = 1;
  if (unit_rep > 64) unit_rep = 64;
  unit = malloc(unit_len * unit_rep);
  for (size_t r = 0; r < unit_rep; r++) {
    uint8_t *u = unit + r * unit_len;
    for (unsigned k = 0; k < unit_msgs; k++) memcpy(u + k * fl, one, fl);
    if (opt.mode == FANIN) { /* an empty ping closes the unit */
      uint8_t ping[6] = {0x89, 0x80, 1, 2, 3, 4};
      memcpy(u + unit_msgs * fl, ping, 6);
    }
  }
  free(one);

  if (opt.sio) sep = strchr(opt.path, '?') ? "&EIO=4&transport=websocket" : "?EIO=4&transport=websocket";
  request_len = (size_t)snprintf(
      request, sizeof request,
      "GET %s%s HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s%s\r\n",
      opt.path, sep, opt.host, opt.port, opt.proto ? "Sec-WebSocket-Protocol: " : "",
      opt.proto ? opt.proto : "", opt.proto ? "\r\n" : "",
      opt.deflate ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "");
  if (request_len >= sizeof request) die("path too long");
}

static void parse_url(const char *u) {
  const char *h, *slash, *colon;
  if (strncmp(u, "ws://", 5)) die("only ws:// urls");
  h = u + 5;
  slash = strchr(h, '/');
  if (!slash) slash = h + strlen(h);
  colon = memchr(h, ':', (size_t)(slash - h));
  snprintf(opt.host, sizeof opt.host, "%.*s", (int)((colon ? colon : slash) - h), h);
  if (colon) snprintf(opt.port, sizeof opt.port, "%.*s", (int)(slash - colon - 1), colon + 1);
  else strcpy(opt.port, "80");
  snprintf(opt.path, sizeof opt.path, "%s", *slash ? slash : "/");
}

static void resolve(const char *port) {
  struct addrinfo hint = {.ai_socktype = SOCK_STREAM}, *ai;
  int e = getaddrinfo(opt.host, port, &hint, &ai);
  if (e) die("%s: %s", opt.host, gai_strerror(e));
  memcpy(&addrs[n_nodes++], ai->ai_addr, ai->ai_addrlen);
  addr_len = ai->ai_addrlen;
  freeaddrinfo(ai);
}

static void usage(void) {
  fprintf(stderr,
    "usage: wsload [options] [ws://host:port/path]\n"
    "  -m MODE      echo | fanin | fanout | connect | idle | slow        (echo)\n"
    "  -c N         connections                                          (64)\n"
    "  -P N         messages (units, rounds) in flight, 1..64            (1)\n"
    "  -s BYTES     payload size                                         (64)\n"
    "  -b           binary frames (default: text)    --utf8  non-ASCII text\n"
    "  -d SEC       measured time (3)                -w SEC  warm-up (1)\n"
    "  --warm-msgs N      the warm-up lasts for N messages (handshakes) as well, at most 20 s more\n"
    "  --rate R     echo: open loop at R messages/s, latency from the intended time\n"
    "  --pre S --post S   text around the payload (JSON protocols)\n"
    "  --proto S    Sec-WebSocket-Protocol           --deflate  offer permessage-deflate\n"
    "  --sio        socket.io framing                --verify   compare what is delivered\n"
    "  --ack-every K      fanin: data frames per ping\n"
    "  --burst K    fanout: messages that one round publishes, in one write (1)\n"
    "  --read-rate B      slow: bytes/s read over all connections        (1e6)\n"
    "  --ramp N     handshakes in flight while opening                   (128)\n"
    "  --fin-close  connect: close with FIN, not RST\n"
    "  --pid P[,P]  server processes: report their CPU and run-queue wait, and the memory of the first\n"
    "  --ports P[,P]      fanout: ports of the cluster's other nodes; connections go to each in turn\n"
    "  --number     fanout: number the messages; with --verify they must come in order\n"
    "  --gc-signal  send it SIGUSR2 (the servers collect garbage) before sampling memory\n"
    "  --tag S      copied to the output\n");
  exit(2);
}

static void args(int argc, char **argv) {
  enum { RATE = 256, PRE, POST, PROTO, DEFLATE, SIO, VERIFY, ACK, RRATE, RAMP, PID, GC, TAG, UTF8, FINC, BURST, WARM, PORTS, NUMBER };
  static struct option lo[] = {
    {"rate", 1, 0, RATE}, {"pre", 1, 0, PRE}, {"post", 1, 0, POST}, {"proto", 1, 0, PROTO},
    {"deflate", 0, 0, DEFLATE}, {"sio", 0, 0, SIO}, {"verify", 0, 0, VERIFY}, {"ack-every", 1, 0, ACK},
    {"read-rate", 1, 0, RRATE}, {"ramp", 1, 0, RAMP}, {"pid", 1, 0, PID}, {"gc-signal", 0, 0, GC},
    {"tag", 1, 0, TAG}, {"utf8", 0, 0, UTF8}, {"fin-close", 0, 0, FINC}, {"burst", 1, 0, BURST}, {"warm-msgs", 1, 0, WARM},
    {"ports", 1, 0, PORTS}, {"number", 0, 0, NUMBER}, {0, 0, 0, 0}};
  int o;
  while ((o = getopt_long(argc, argv, "m:c:P:s:bd:w:h", lo, 0)) != -1) switch (o) {
    case 'm': {
      int k;
      for (k = 0; k < 6; k++) if (!strcmp(optarg, mode_names[k])) break;
      if (k == 6) usage();
      opt.mode = (enum mode)k;
      break;
    }
    case 'c': opt.conns = atoi(optarg); break;
    case 'P': opt.pipeline = atoi(optarg); break;
    case 's': opt.size = (size_t)atol(optarg); break;
    case 'b': opt.binary = 1; break;
    case 'd': opt.duration = atof(optarg); break;
    case 'w': opt.warmup = atof(optarg); break;
    case RATE: opt.rate = atof(optarg); break;
    case PRE: opt.pre = optarg; break;
    case POST: opt.post = optarg; break;
    case PROTO: opt.proto = optarg; break;
    case DEFLATE: opt.deflate = 1; break;
    case SIO: opt.sio = 1; break;
    case VERIFY: opt.verify = 1; break;
    case ACK: opt.ack_every = atoi(optarg); break;
    case RRATE: opt.read_rate = atof(optarg); break;
    case RAMP: opt.ramp = atoi(optarg); break;
    case PID:
      for (char *p = strtok(optarg, ","); p && opt.n_pids < 16; p = strtok(NULL, ",")) opt.pids[opt.n_pids++] = atoi(p);
      opt.pid = opt.pids[0];
      break;
    case PORTS:
      for (char *p = strtok(optarg, ","); p && opt.n_ports < 16; p = strtok(NULL, ","))
        snprintf(opt.ports[opt.n_ports++], sizeof opt.ports[0], "%s", p);
      break;
    case NUMBER: opt.number = 1; break;
    case GC: opt.gc_signal = 1; break;
    case TAG: opt.tag = optarg; break;
    case UTF8: opt.utf8 = 1; break;
    case FINC: opt.fin_close = 1; break;
    case BURST: opt.burst = atoi(optarg); break;
    case WARM: opt.warm_msgs = (uint64_t)atoll(optarg); break;
    default: usage();
  }
  if (optind < argc) parse_url(argv[optind]);
  if (opt.conns < 1) die("-c must be at least 1");
  if (opt.pipeline < 1 || opt.pipeline > 64) die("-P must be 1..64");
  if (opt.burst < 1) die("--burst must be at least 1");
  if (opt.number && (opt.mode != FANOUT || opt.pipeline != 1 || opt.size < 8))
    die("--number needs -m fanout, -P 1 and at least 8 bytes");
}

/* ------------------------------------------------------------------- main */

static void sleep_s(double s) {
  struct timespec ts = {(time_t)s, (long)((s - (double)(time_t)s) * 1e9)};
  nanosleep(&ts, NULL);
}

static void gc_hint(void) {
  if (opt.pid && opt.gc_signal) {
    kill(opt.pid, SIGUSR2);
    sleep_s(1.0);
  }
}

/* Waits for events, at most until `deadline`, and handles them. */
static void pump(uint64_t deadline) {
  struct epoll_event ev[512];
  uint64_t t = now_ns();
  int64_t left = deadline > t ? (int64_t)(deadline - t) : 0;
  struct timespec ts = {left / 1000000000, left % 1000000000};
  int n = epoll_pwait2(ep, ev, 512, &ts, NULL);
  for (int i = 0; i < n; i++) {
    struct conn *c = ev[i].data.ptr;
    uint32_t e = ev[i].events;
    if (c->state == CLOSED) continue;
    if (e & EPOLLOUT || (c->state == CONNECTING && e & (EPOLLERR | EPOLLHUP))) on_writable(c);
    if (c->state > CONNECTING && e & (EPOLLIN | EPOLLERR | EPOLLHUP)) on_readable(c);
  }
}

static int is_warm(void) {
  return opt.mode == IDLE || (opt.mode == CONNECT ? st.handshakes : st.msgs) >= opt.warm_msgs;
}

/* Messages that were sent and have not been answered. */
static uint64_t unanswered(void) {
  uint64_t n = 0;
  if (opt.mode == ECHO || opt.mode == FANIN)
    for (int i = 0; i < opt.conns; i++)
      n += (uint64_t)(conns[i].ts_tail - conns[i].ts_head) * unit_msgs;
  if (opt.mode == FANOUT)
    for (int i = 0; i < opt.conns; i++) n += round_next * (uint64_t)opt.burst - conns[i].rx_msgs;
  return n;
}

/* Gives what is in flight time to be answered; returns what is missing. */
static uint64_t await_answers(void) {
  uint64_t deadline = now_ns() + 5000000000ull;
  while (unanswered() && n_dead < opt.conns && now_ns() < deadline) pump(now_ns() + 100000000ull);
  return unanswered();
}

int main(int argc, char **argv) {
  struct rlimit rl;
  struct rusage ru0, ru1;
  struct proc s0 = {0, 0}, s1, me0 = {0, 0}, me1 = {0, 0};
  double each0[16] = {0}, each1[16];
  long rss0 = -1, rss1 = -1, rss_peak = -1;
  int started = 0;
  uint64_t t0, t_end, t_open0, t_opened, next_send = 0;
  double open_s, secs;

  args(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_TIMERSLACK, 1);
  getrlimit(RLIMIT_NOFILE, &rl);
  if (rl.rlim_cur < (rlim_t)opt.conns + 64) {
    rl.rlim_cur = (rlim_t)opt.conns + 64;
    if (rl.rlim_max < rl.rlim_cur) rl.rlim_max = rl.rlim_cur;
    if (setrlimit(RLIMIT_NOFILE, &rl)) die("cannot raise the descriptor limit to %d", opt.conns + 64);
  }
  resolve(opt.port);
  for (int i = 0; i < opt.n_ports; i++) resolve(opt.ports[i]);
  build();
  rbuf = malloc(RBUF);
  ep = epoll_create1(EPOLL_CLOEXEC);
  conns = calloc((size_t)opt.conns, sizeof *conns);
  ts_mask = opt.rate > 0 ? 1023 : 63;
  for (int i = 0; i < opt.conns; i++) {
    conns[i].fd = -1;
    conns[i].ts = malloc((ts_mask + 1) * sizeof(uint64_t));
  }

  gc_hint();
  rss0 = proc_kb(opt.pid, "VmRSS");

  /* Open. */
  t_open0 = now_ns();
  if (opt.mode == CONNECT) {
    for (int i = 0; i < opt.conns; i++) conn_start(&conns[i]);
    running = 1;
  } else {
    while (n_open + n_dead < opt.conns) {
      while (started < opt.conns && n_connecting < opt.ramp) conn_start(&conns[started++]);
      pump(now_ns() + 100000000ull);
      if (now_ns() - t_open0 > 120000000000ull) die("opening took over 120 s: %d open", n_open);
    }
  }
  t_opened = now_ns();
  open_s = (double)(t_opened - t_open0) / 1e9;
  if (opt.mode != CONNECT && !n_open) die("no connection could be opened: %s", first_error);

  /* A server may answer the handshake before it has joined the connection to
   * its room, and a node its broker; a publication in that instant would never be complete. */
  if (opt.mode == FANOUT)
    for (uint64_t t = now_ns() + (n_nodes > 1 ? 1000000000ull : 300000000ull); now_ns() < t;) pump(t);

  /* Traffic: warm-up, then the measured time. */
  if (opt.mode != CONNECT && opt.mode != IDLE) start_traffic();
  t0 = now_ns();
  t_measure = t0 + (uint64_t)(opt.warmup * 1e9);
  t_end = t_measure + (uint64_t)(opt.duration * 1e9);
  next_send = t0;
  {
    uint64_t interval = opt.rate > 0 ? (uint64_t)(1e9 / opt.rate) : 0, k = 0;
    double budget = 0;
    uint64_t last = t0, next_rss = t0;
    for (;;) {
      uint64_t t = now_ns(), wake = t + 100000000ull;
      if (!measuring && t >= t_measure && (is_warm() || t >= t_measure + 20000000000ull)) {
        measuring = 1;
        st = (struct counters){.errors = st.errors, .closed = st.closed, .bad = st.bad};
        memset(&lat, 0, sizeof lat);
        memset(&round_lat, 0, sizeof round_lat);
        getrusage(RUSAGE_SELF, &ru0);
        s0 = sample_servers(each0);
        me0 = proc_sample(getpid());
        t_measure = now_ns();
        t_end = t_measure + (uint64_t)(opt.duration * 1e9);
      }
      if (measuring && t >= t_end) break;
      if (n_dead >= opt.conns) break;
      if (measuring && wake > t_end) wake = t_end;
      if (!measuring && t < t_measure && wake > t_measure) wake = t_measure;
      if (interval) { /* open loop: send everything that is due */
        while (next_send <= t) {
          struct conn *c = &conns[k++ % (uint64_t)opt.conns];
          if (c->state == OPEN) {
            push_unit(c, next_send);
            if (!c->want_out) flush(c);
          }
          next_send += interval;
        }
        if (next_send < wake) wake = next_send;
      }
      if (opt.mode == SLOW && opt.read_rate < 1e9) { /* read a ration of bytes, then sleep */
        long r;
        budget += opt.read_rate * (double)(t - last) / 1e9;
        last = t;
        for (int i = 0; i < opt.conns && budget > 0; i++) {
          struct conn *c = &conns[i];
          if (c->state != OPEN) continue;
          ssize_t n = recv(c->fd, rbuf, budget < RBUF ? (size_t)budget + 1 : RBUF, 0);
          if (n > 0) {
            st.bytes_in += (uint64_t)n, budget -= (double)n;
            parse(c, rbuf, (size_t)n, t);
          } else if (n == 0) {
            conn_fail(c, "server closed", 0);
          } else {
            if (errno != EAGAIN) conn_fail(c, "recv", errno);
          }
        }
        if (budget > opt.read_rate) budget = opt.read_rate;
        if (t >= next_rss) {
          r = proc_kb(opt.pid, "VmRSS");
          if (r > rss_peak) rss_peak = r;
          next_rss = t + 20000000ull;
        }
        sleep_s(0.005);
        continue;
      }
      if (opt.mode == SLOW && t >= next_rss) {
        long r = proc_kb(opt.pid, "VmRSS");
        if (r > rss_peak) rss_peak = r;
        next_rss = t + 20000000ull;
      }
      pump(wake);
    }
  }
  t_end = now_ns();
  stopping = 1;
  getrusage(RUSAGE_SELF, &ru1);
  s1 = sample_servers(each1);
  me1 = proc_sample(getpid());
  if (opt.mode == IDLE) gc_hint();
  rss1 = proc_kb(opt.pid, "VmRSS");
  if (rss1 > rss_peak) rss_peak = rss1;

  /* What is still answered counts neither as a message nor as time, only as right or wrong. */
  uint64_t events = opt.mode == CONNECT ? st.handshakes : st.msgs;
  struct counters measured = st;
  uint64_t missing = await_answers();

  secs = (double)(t_end - t_measure) / 1e9;
  double ccpu = (double)(ru1.ru_utime.tv_sec - ru0.ru_utime.tv_sec) + (double)(ru1.ru_stime.tv_sec - ru0.ru_stime.tv_sec) +
                (double)(ru1.ru_utime.tv_usec - ru0.ru_utime.tv_usec + ru1.ru_stime.tv_usec - ru0.ru_stime.tv_usec) / 1e6;
  printf("{\"tag\":\"%s\",\"mode\":\"%s\",\"conns\":%d,\"P\":%d,\"size\":%zu,\"wire_payload\":%zu,\"kind\":\"%s\",\"rate\":%.0f,\"secs\":%.3f",
         opt.tag, mode_names[opt.mode], opt.conns, opt.pipeline, opt.size, payload_len,
         opt.binary ? "binary" : "text", opt.rate, secs);
  printf(",\"msgs\":%llu,\"msgs_per_s\":%.1f,\"errors\":%llu,\"bad\":%llu,\"closed\":%llu,\"overrun\":%llu,\"missing\":%llu",
         (unsigned long long)events, (double)events / secs, (unsigned long long)st.errors,
         (unsigned long long)st.bad, (unsigned long long)st.closed, (unsigned long long)st.overrun,
         (unsigned long long)missing);
  printf(",\"bytes_in\":%llu,\"bytes_out\":%llu,\"reads\":%llu,\"writes\":%llu,\"open_s\":%.3f,\"handshakes_per_s_open\":%.0f",
         (unsigned long long)measured.bytes_in, (unsigned long long)measured.bytes_out, (unsigned long long)measured.reads,
         (unsigned long long)measured.writes, open_s, open_s > 0 ? (double)n_open / open_s : 0.0);
  json_hist("latency_us", &lat);
  if (opt.mode == FANOUT) {
    printf(",\"rounds\":%llu", (unsigned long long)st.rounds);
    json_hist("round_us", &round_lat);
  }
  printf(",\"client_cpu\":%.3f,\"client_wait\":%.3f", ccpu / secs, (me1.wait - me0.wait) / secs);
  if (opt.pid) {
    printf(",\"server_cpu\":%.3f,\"server_wait\":%.3f,\"server_us_per_msg\":%.4f", (s1.cpu - s0.cpu) / secs,
           (s1.wait - s0.wait) / secs, events ? (s1.cpu - s0.cpu) * 1e6 / (double)events : 0.0);
    printf(",\"server_cpus\":[");
    for (int i = 0; i < opt.n_pids; i++) printf("%s%.6f", i ? "," : "", (each1[i] - each0[i]) / secs);
    printf("]");
    printf(",\"rss_before_kb\":%ld,\"rss_after_kb\":%ld,\"rss_peak_kb\":%ld,\"bytes_per_conn\":%.0f", rss0, rss1, rss_peak,
           (double)(rss1 - rss0) * 1024.0 / (double)opt.conns);
  }
  printf(",\"first_error\":\"%s\"}\n", first_error);
  fflush(stdout);

  /* Leave without TIME_WAIT so that the next run has its ports. */
  for (int i = 0; i < opt.conns; i++) conn_kill(&conns[i], 1);
  return st.errors || st.bad || missing ? 1 : 0;
}
