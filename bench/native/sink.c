/*
 * sink: holds N live-stream players open against a server and throws the bytes away.
 *
 *   cc -O2 -o sink sink.c
 *   ./sink URL N SECONDS [RAMP_PER_S [READ_BYTES_PER_S]]
 *
 * URL is http://HOST:PORT/PATH (HTTP-FLV, HTTP-TS: plain GET), ws://HOST:PORT/PATH (the same with a WebSocket
 * handshake), rtmp://HOST:PORT/APP/STREAM (simple handshake, connect, createStream, play) or rtsp://HOST:PORT/PATH
 * (interleaved in the one connection). HOST is an IPv4 address: 127.0.0.1. A %d in it becomes the player's index.
 * READ_BYTES_PER_S makes the players slow: each reads so much and no more, 0: nothing once it has asked for the stream.
 * One thread, epoll, recv with MSG_TRUNC (the kernel drops the payload without copying it), so the
 * player side costs as little as it can and the server's own cost can be read from /proc/PID/stat.
 *
 * Says "measuring" on stderr when every player is up and 2 s have passed. Prints one JSON line: players asked for,
 * connected, alive at the end, bytes in the measured window (the last SECONDS), and the least, median and greatest
 * bytes that one player received in that window.
 */
#include "rtmp.h"
#include "rtsp.h"

enum scheme { HTTP, WS, RTMP, RTSP };
enum state { DIALING, SHAKING, WAITING_CREATED, ASKING, DRAINING, DEAD };

/* how often a slow player reads, seconds */
#define SLOW_TICK 0.1
/* what its kernel holds for a slow player, bytes: what it does not take is the server's from the start */
#define SLOW_BUFFER 65536

struct player {
  int fd;
  enum state st;
  uint64_t total, at_start;
  int handshake;
  struct rtsp *rtsp;
};

static enum scheme scheme;
static char path[512], url[700];
static int ep;
/* bytes a second that a player reads; negative: all there is */
static double read_rate = -1;
static uint8_t buf[65536];

static int read_url(void) {
  if (sscanf(url, "http://%127[^:]:%d%511s", host, &port, path) == 3) scheme = HTTP;
  else if (sscanf(url, "ws://%127[^:]:%d%511s", host, &port, path) == 3) scheme = WS;
  else if (sscanf(url, "rtsp://%127[^:]:%d%511s", host, &port, path) == 3) scheme = RTSP;
  else if (sscanf(url, "rtmp://%127[^:]:%d/%127[^/]/%255s", host, &port, app, stream_name) == 4) scheme = RTMP;
  else return 0;
  return 1;
}

static void die(struct player *p) {
  close(p->fd);
  free(p->rtsp);
  p->rtsp = NULL;
  p->st = DEAD;
}

/* it has asked for its stream */
static void drain(struct player *p) {
  p->st = DRAINING;
  free(p->rtsp);
  p->rtsp = NULL;
  if (read_rate >= 0) epoll_ctl(ep, EPOLL_CTL_DEL, p->fd, NULL);
}

static void dial(struct player *p, int index) {
  p->fd = dial_host(index);
  p->st = p->fd < 0 ? DEAD : DIALING;
  if (p->st == DEAD) return;
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.u32 = index};
  epoll_ctl(ep, EPOLL_CTL_ADD, p->fd, &e);
}

static void greet(struct player *p, int index) {
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = index};
  epoll_ctl(ep, EPOLL_CTL_MOD, p->fd, &e);
  if (scheme == RTMP) { rtmp_hello(p->fd); p->st = SHAKING; return; }
  if (scheme == RTSP) {
    char own[700];
    numbered(own, sizeof own, url, index);
    p->rtsp = calloc(1, sizeof *p->rtsp);
    rtsp_request(p->rtsp, p->fd, "OPTIONS", own, "");
    p->st = ASKING;
    return;
  }
  char req[1200], own[600];
  numbered(own, sizeof own, path, index);
  const char *upgrade = scheme == WS ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" : "";
  int m = snprintf(req, sizeof req, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: sink\r\nAccept: */*\r\n%s\r\n", own, host, port, upgrade);
  send(p->fd, req, m, MSG_NOSIGNAL);
  drain(p);
}

/* takes what has come; a slow player takes at most `most` */
static void receive(struct player *p, int index, size_t most) {
  ssize_t r;
  if (p->st == DRAINING) r = recv(p->fd, buf, most, MSG_TRUNC | MSG_DONTWAIT);
  else r = recv(p->fd, buf, sizeof buf, MSG_DONTWAIT);
  if (r <= 0) {
    if (r < 0 && (errno == EAGAIN || errno == EINTR)) return;
    die(p);
    return;
  }
  p->total += r;
  if (p->st == SHAKING) {
    p->handshake += r;
    if (p->handshake >= SERVER_HANDSHAKE) { rtmp_connect(p->fd); p->st = WAITING_CREATED; p->handshake = 0; }
  } else if (p->st == WAITING_CREATED) {
    p->handshake += occurrences(buf, r, "_result");
    if (p->handshake >= 2) {
      char own[300];
      numbered(own, sizeof own, stream_name, index);
      rtmp_play(p->fd, own);
      drain(p);
    }
  } else if (p->st == ASKING) {
    char own[700];
    numbered(own, sizeof own, url, index);
    int step = rtsp_step(p->rtsp, p->fd, own, buf, r);
    if (step > 0) drain(p);
    else if (step < 0) { fprintf(stderr, "sink: RTSP refused: %.60s\n", p->rtsp->text); die(p); }
  }
}

static int cmp(const void *a, const void *b) {
  uint64_t x = *(uint64_t *)a, y = *(uint64_t *)b;
  return x < y ? -1 : x > y;
}

static void report(const struct player *ps, int want, int connected, double took) {
  uint64_t *got = calloc(want, 8), sum = 0; int alive = 0;
  for (int i = 0; i < want; i++) {
    if (ps[i].st == DRAINING) { got[alive++] = ps[i].total - ps[i].at_start; sum += ps[i].total - ps[i].at_start; }
  }
  qsort(got, alive, 8, cmp);
  printf("{\"players\":%d,\"connected\":%d,\"alive\":%d,\"seconds\":%.3f,\"bytes\":%llu,\"min\":%llu,\"median\":%llu,\"max\":%llu,\"mbps\":%.1f}\n",
         want, connected, alive, took, (unsigned long long)sum,
         alive ? (unsigned long long)got[0] : 0, alive ? (unsigned long long)got[alive / 2] : 0,
         alive ? (unsigned long long)got[alive - 1] : 0, sum * 8 / took / 1e6);
}

int main(int argc, char **argv) {
  if (argc < 4) { fprintf(stderr, "usage: sink URL N SECONDS [RAMP_PER_S [READ_BYTES_PER_S]]\n"); return 2; }
  snprintf(url, sizeof url, "%s", argv[1]);
  int want = atoi(argv[2]); double secs = atof(argv[3]); int ramp = argc > 4 ? atoi(argv[4]) : 500;
  if (argc > 5) read_rate = atof(argv[5]);
  if (read_rate >= 0) receive_buffer = SLOW_BUFFER;
  if (!read_url()) { fprintf(stderr, "sink: cannot read the URL\n"); return 2; }
  raise_file_limit();

  struct player *ps = calloc(want, sizeof *ps);
  ep = epoll_create1(0);
  int dialed = 0, connected = 0, measuring = 0;
  double t0 = now(), up_at = 0, start = 0, end = 0, slow_at = t0;
  for (;;) {
    double t = now();
    while (dialed < want && dialed < (t - t0) * ramp + 1) { dial(&ps[dialed], dialed); dialed++; }
    if (dialed == want && !up_at) {
      int pending = 0;
      for (int i = 0; i < want; i++) pending += ps[i].st != DRAINING && ps[i].st != DEAD;
      if (!pending || t - t0 > want / (double)ramp + 20) up_at = t;
    }
    if (up_at && !measuring && t - up_at >= 2) {
      measuring = 1; start = t; end = t + secs;
      for (int i = 0; i < want; i++) ps[i].at_start = ps[i].total;
      fprintf(stderr, "measuring\n");
    }
    if (measuring && t >= end) break;
    if (read_rate > 0 && t - slow_at >= SLOW_TICK) {
      for (int i = 0; i < dialed; i++) if (ps[i].st == DRAINING) receive(&ps[i], i, read_rate * (t - slow_at));
      slow_at = t;
    }
    struct epoll_event ev[1024];
    int n = epoll_wait(ep, ev, 1024, dialed < want ? 1 : 50);
    for (int k = 0; k < n; k++) {
      int index = ev[k].data.u32;
      struct player *p = &ps[index];
      if (p->st == DEAD) continue;
      if (p->st == DIALING && (ev[k].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        if (connect_failed(p->fd)) { die(p); continue; }
        connected++;
        greet(p, index);
      } else receive(p, index, 1 << 20);
    }
  }
  report(ps, want, connected, now() - start);
  return 0;
}
