/*
 * sink: holds N live-stream players open against a server and throws the bytes away.
 *
 *   cc -O2 -o sink sink.c
 *   ./sink URL N SECONDS [RAMP_PER_S]
 *
 * URL is http://HOST:PORT/PATH (HTTP-FLV, HTTP-TS: plain GET), ws://HOST:PORT/PATH (the same with a WebSocket
 * handshake) or rtmp://HOST:PORT/APP/STREAM (simple handshake, connect, createStream, play). HOST is an IPv4 address: 127.0.0.1.
 * One thread, epoll, recv with MSG_TRUNC (the kernel drops the payload without copying it), so the
 * player side costs as little as it can and the server's own cost can be read from /proc/PID/stat.
 *
 * Prints one JSON line: players asked for, connected, alive at the end, bytes in the measured window
 * (the last SECONDS, after every player is up and 2 s have passed), and the least, median and greatest
 * bytes that one player received in that window.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum state { DIALING, SHAKING, WAITING_CREATED, DRAINING, DEAD };

struct player {
  int fd;
  enum state st;
  uint64_t total, at_start, hs;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static int is_rtmp, is_ws;
static char host[128], app[128], stream_name[256], path[512], url[700];
static int port;

static size_t amf_str(uint8_t *p, const char *s) {
  size_t n = strlen(s);
  p[0] = 2; p[1] = n >> 8; p[2] = n; memcpy(p + 3, s, n);
  return n + 3;
}
static size_t amf_key(uint8_t *p, const char *s) {
  size_t n = strlen(s);
  p[0] = n >> 8; p[1] = n; memcpy(p + 2, s, n);
  return n + 2;
}
static size_t amf_num(uint8_t *p, double d) {
  uint64_t v; memcpy(&v, &d, 8);
  p[0] = 0;
  for (int i = 0; i < 8; i++) p[1 + i] = v >> (56 - 8 * i);
  return 9;
}
/* one command message, cut into 128-byte chunks */
static void send_command(int fd, uint32_t sid, const uint8_t *body, size_t n) {
  uint8_t out[4096]; size_t o = 0;
  out[o++] = 3; out[o++] = 0; out[o++] = 0; out[o++] = 0;
  out[o++] = n >> 16; out[o++] = n >> 8; out[o++] = n;
  out[o++] = 20;
  out[o++] = sid; out[o++] = 0; out[o++] = 0; out[o++] = 0;
  for (size_t i = 0; i < n; i++) {
    if (i && i % 128 == 0) out[o++] = 0xc3;
    out[o++] = body[i];
  }
  if (send(fd, out, o, MSG_NOSIGNAL) != (ssize_t)o) perror("send");
}
static void rtmp_connect(int fd) {
  uint8_t b[1024]; size_t n = 0; char tc[400];
  snprintf(tc, sizeof tc, "rtmp://%s:%d/%s", host, port, app);
  n += amf_str(b + n, "connect"); n += amf_num(b + n, 1);
  b[n++] = 3;
  n += amf_key(b + n, "app"); n += amf_str(b + n, app);
  n += amf_key(b + n, "flashVer"); n += amf_str(b + n, "LNX 9,0,124,2");
  n += amf_key(b + n, "tcUrl"); n += amf_str(b + n, tc);
  b[n++] = 0; b[n++] = 0; b[n++] = 9;
  send_command(fd, 0, b, n);
  n = 0;
  n += amf_str(b + n, "createStream"); n += amf_num(b + n, 2); b[n++] = 5;
  send_command(fd, 0, b, n);
}
static void rtmp_play(int fd) {
  uint8_t b[1024]; size_t n = 0;
  n += amf_str(b + n, "play"); n += amf_num(b + n, 3); b[n++] = 5;
  n += amf_str(b + n, stream_name);
  send_command(fd, 1, b, n);
}

static int dial(struct player *p, int ep, uint32_t idx) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &a.sin_addr);
  p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (p->fd < 0) { perror("socket"); p->st = DEAD; return -1; }
  /* spread source addresses so that more than 28,000 players fit */
  if (!strncmp(host, "127.", 4)) {
    struct sockaddr_in s = {.sin_family = AF_INET};
    s.sin_addr.s_addr = htonl(0x7f000001 + (idx / 20000));
    bind(p->fd, (struct sockaddr *)&s, sizeof s);
  }
  if (connect(p->fd, (struct sockaddr *)&a, sizeof a) && errno != EINPROGRESS) {
    close(p->fd); p->st = DEAD; return -1;
  }
  p->st = DIALING;
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.u32 = idx};
  epoll_ctl(ep, EPOLL_CTL_ADD, p->fd, &e);
  return 0;
}

static int cmp(const void *a, const void *b) {
  uint64_t x = *(uint64_t *)a, y = *(uint64_t *)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
  if (argc < 4) { fprintf(stderr, "usage: sink URL N SECONDS [RAMP_PER_S]\n"); return 2; }
  snprintf(url, sizeof url, "%s", argv[1]);
  int want = atoi(argv[2]); double secs = atof(argv[3]); int ramp = argc > 4 ? atoi(argv[4]) : 500;
  if (sscanf(url, "http://%127[^:]:%d%511s", host, &port, path) == 3) is_rtmp = 0;
  else if (sscanf(url, "ws://%127[^:]:%d%511s", host, &port, path) == 3) is_ws = 1;
  else if (sscanf(url, "rtmp://%127[^:]:%d/%127[^/]/%255s", host, &port, app, stream_name) == 4) is_rtmp = 1;
  else { fprintf(stderr, "sink: cannot read the URL\n"); return 2; }
  struct rlimit rl = {want + 64, want + 64};
  getrlimit(RLIMIT_NOFILE, &rl); rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl);

  struct player *ps = calloc(want, sizeof *ps);
  int ep = epoll_create1(0), dialed = 0, connected = 0;
  static uint8_t c0c1[1537], buf[65536]; c0c1[0] = 3;
  double t0 = now(), up_at = 0, start = 0, end = 0;
  int measuring = 0;
  for (;;) {
    double t = now();
    while (dialed < want && dialed < (t - t0) * ramp + 1) { dial(&ps[dialed], ep, dialed); dialed++; }
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
    struct epoll_event ev[1024];
    int n = epoll_wait(ep, ev, 1024, dialed < want ? 1 : 50);
    for (int k = 0; k < n; k++) {
      struct player *p = &ps[ev[k].data.u32];
      if (p->st == DEAD) continue;
      if (p->st == DIALING && (ev[k].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        int err = 0; socklen_t l = sizeof err;
        getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &err, &l);
        if (err) { close(p->fd); p->st = DEAD; continue; }
        connected++;
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = ev[k].data.u32};
        epoll_ctl(ep, EPOLL_CTL_MOD, p->fd, &e);
        if (is_rtmp) { send(p->fd, c0c1, 1537, MSG_NOSIGNAL); p->st = SHAKING; }
        else {
          char req[900];
          const char *upgrade = is_ws ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" : "";
          int m = snprintf(req, sizeof req, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: sink\r\nAccept: */*\r\n%s\r\n", path, host, port, upgrade);
          send(p->fd, req, m, MSG_NOSIGNAL); p->st = DRAINING;
        }
        continue;
      }
      ssize_t r;
      if (p->st == DRAINING) r = recv(p->fd, buf, 1 << 20, MSG_TRUNC | MSG_DONTWAIT);
      else r = recv(p->fd, buf, sizeof buf, MSG_DONTWAIT);
      if (r <= 0) {
        if (r < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        close(p->fd); p->st = DEAD; continue;
      }
      p->total += r;
      if (p->st == SHAKING) {
        p->hs += r;
        if (p->hs >= 3073) {
          send(p->fd, c0c1 + 1, 1536, MSG_NOSIGNAL);
          rtmp_connect(p->fd);
          p->st = WAITING_CREATED; p->hs = 0;
        }
      } else if (p->st == WAITING_CREATED) {
        /* the answer to createStream is the second _result (0x02 0x00 0x07 "_result") */
        for (ssize_t i = 0; i + 7 <= r; i++) if (!memcmp(buf + i, "_result", 7)) p->hs++;
        if (p->hs >= 2) { rtmp_play(p->fd); p->st = DRAINING; }
      }
    }
  }
  uint64_t *got = calloc(want, 8), sum = 0; int alive = 0;
  for (int i = 0; i < want; i++) {
    if (ps[i].st == DRAINING) { got[alive++] = ps[i].total - ps[i].at_start; sum += ps[i].total - ps[i].at_start; }
  }
  qsort(got, alive, 8, cmp);
  double took = now() - start;
  printf("{\"players\":%d,\"connected\":%d,\"alive\":%d,\"seconds\":%.3f,\"bytes\":%llu,\"min\":%llu,\"median\":%llu,\"max\":%llu,\"mbps\":%.1f}\n",
         want, connected, alive, took, (unsigned long long)sum,
         alive ? (unsigned long long)got[0] : 0, alive ? (unsigned long long)got[alive / 2] : 0,
         alive ? (unsigned long long)got[alive - 1] : 0, sum * 8 / took / 1e6);
  return 0;
}
