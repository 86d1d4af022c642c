/* rtmp.h: what an RTMP client says (handshake, commands in AMF0, 128-byte chunks) and the address it says it to. */
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

/* what the server has sent of the handshake before C2 is due: S0, S1, S2 */
#define SERVER_HANDSHAKE 3073

static char host[128], app[128], stream_name[256];
static int port;
/* of each connection, bytes; 0: as the kernel likes */
static int receive_buffer;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

/* as many files as the system lets this process have */
static void raise_file_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/* `template` with its first %d, if it has one, replaced by the index */
static void numbered(char *out, size_t size, const char *template, int index) {
  const char *at = strstr(template, "%d");
  if (at) snprintf(out, size, "%.*s%d%s", (int)(at - template), template, index, at + 2);
  else snprintf(out, size, "%s", template);
}

/* a connection to the host that is under way; -1 where it cannot be. More than 28,000 fit: source addresses are spread. */
static int dial_host(int index) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &a.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) { perror("socket"); return -1; }
  if (!strncmp(host, "127.", 4)) {
    struct sockaddr_in s = {.sin_family = AF_INET};
    s.sin_addr.s_addr = htonl(0x7f000001 + (index / 20000));
    bind(fd, (struct sockaddr *)&s, sizeof s);
  }
  if (receive_buffer) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  if (connect(fd, (struct sockaddr *)&a, sizeof a) && errno != EINPROGRESS) { close(fd); return -1; }
  return fd;
}

static int connect_failed(int fd) {
  int err = 0; socklen_t l = sizeof err;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &l);
  return err;
}

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
static void rtmp_hello(int fd) {
  static uint8_t c0c1[1537] = {3};
  send(fd, c0c1, sizeof c0c1, MSG_NOSIGNAL);
}
/* C2, connect and createStream at once; their answers are two _result */
static void rtmp_connect(int fd) {
  static uint8_t c2[1536];
  send(fd, c2, sizeof c2, MSG_NOSIGNAL);
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
static void rtmp_play(int fd, const char *stream) {
  uint8_t b[1024]; size_t n = 0;
  n += amf_str(b + n, "play"); n += amf_num(b + n, 3); b[n++] = 5;
  n += amf_str(b + n, stream);
  send_command(fd, 1, b, n);
}
static void rtmp_publish(int fd, const char *stream) {
  uint8_t b[1024]; size_t n = 0;
  n += amf_str(b + n, "publish"); n += amf_num(b + n, 3); b[n++] = 5;
  n += amf_str(b + n, stream); n += amf_str(b + n, "live");
  send_command(fd, 1, b, n);
}

/* how many times `word` stands in these bytes */
static int occurrences(const uint8_t *bytes, ssize_t length, const char *word) {
  int found = 0; ssize_t n = strlen(word);
  for (ssize_t i = 0; i + n <= length; i++) found += !memcmp(bytes + i, word, n);
  return found;
}
