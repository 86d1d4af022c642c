/*
 * probe: one player that looks at the time. It reads HTTP-FLV of a stream that publish.c sends.
 *
 *   cc -O2 -o probe probe.c
 *   ./probe delay URL SECONDS           how long each marked video access unit took from the publisher to here
 *   ./probe join URL TIMES INTERVAL_MS  how long a new player waits for its first whole key frame, from connect() on
 *
 * `delay` says "ready" on stderr once a marked frame has come; its SECONDS begin with SIGUSR1.
 * Prints one JSON line: how many were measured, and the median, 99th percentile and greatest, in milliseconds.
 */
#include "rtmp.h"
#include "mark.h"
#include <signal.h>

#define MAX_SAMPLES 1000000
#define PATIENCE_S 10

static volatile sig_atomic_t started;
static void on_signal(int number) { started = 1; }

static char path[512];
static double samples[MAX_SAMPLES];
static int taken;

static int cmp(const void *a, const void *b) {
  double x = *(double *)a, y = *(double *)b;
  return x < y ? -1 : x > y;
}

static int report(void) {
  if (!taken) { fprintf(stderr, "probe: nothing came\n"); return 1; }
  qsort(samples, taken, sizeof *samples, cmp);
  printf("{\"count\":%d,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}\n", taken, samples[taken / 2], samples[(int)(taken * 0.99)], samples[taken - 1]);
  return 0;
}

static int ask(void) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &a.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct timeval patience = {.tv_sec = PATIENCE_S};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd, (struct sockaddr *)&a, sizeof a)) { perror("connect"); exit(1); }
  char req[900];
  int n = snprintf(req, sizeof req, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: probe\r\nAccept: */*\r\n\r\n", path, host, port);
  send(fd, req, n, MSG_NOSIGNAL);
  return fd;
}

static int measure_delay(double seconds) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, NULL);
  /* what one read leaves of a mark that the next one completes */
  static char buf[1 << 20];
  size_t kept = 0, whole = strlen(MARK) + STAMP_LENGTH;
  int fd = ask(), ready = 0;
  double end = 0;
  for (;;) {
    ssize_t r = recv(fd, buf + kept, sizeof buf - kept, 0);
    uint64_t at = now_ns();
    if (r < 0 && errno == EINTR) continue;
    if (r <= 0) { fprintf(stderr, "probe: the stream ended\n"); return 1; }
    if (started && !end) end = now() + seconds;
    if (end && now() >= end) return report();
    size_t length = kept + r;
    char *from = buf, *mark;
    while ((mark = memmem(from, buf + length - from, MARK, strlen(MARK))) && mark + whole <= buf + length) {
      char digits[STAMP_LENGTH + 1] = {0};
      memcpy(digits, mark + strlen(MARK), STAMP_LENGTH);
      from = mark + whole;
      if (end && taken < MAX_SAMPLES) samples[taken++] = (at - strtoull(digits, NULL, 16)) / 1e6;
      if (!ready) { ready = 1; fprintf(stderr, "ready\n"); }
    }
    kept = buf + length - from;
    if (kept >= whole) { from = buf + length - whole + 1; kept = whole - 1; }
    memmove(buf, from, kept);
  }
}

/* whether the FLV in these bytes of an HTTP answer has a whole key frame */
static int has_key_frame(const uint8_t *bytes, size_t length) {
  const uint8_t *body = memmem(bytes, length, "\r\n\r\n", 4);
  if (!body) return 0;
  for (size_t at = body + 4 - bytes + 13; at + 13 <= length;) {
    const uint8_t *tag = bytes + at;
    size_t end = at + 15 + (tag[1] << 16 | tag[2] << 8 | tag[3]);
    if (end > length) return 0;
    if (tag[0] == 9 && tag[11] == 0x17 && tag[12] == 1) return 1;
    at = end;
  }
  return 0;
}

static int measure_join(int times, int interval_ms) {
  static uint8_t buf[8 << 20];
  for (int i = 0; i < times; i++) {
    double t = now();
    int fd = ask();
    size_t length = 0;
    while (!has_key_frame(buf, length)) {
      ssize_t r = recv(fd, buf + length, sizeof buf - length, 0);
      if (r <= 0) { fprintf(stderr, "probe: no key frame came\n"); return 1; }
      length += r;
    }
    samples[taken++] = (now() - t) * 1000;
    close(fd);
    double left = interval_ms / 1000.0 - (now() - t);
    if (left > 0) usleep(left * 1e6);
  }
  return report();
}

int main(int argc, char **argv) {
  if (argc < 4 || sscanf(argv[2], "http://%127[^:]:%d%511s", host, &port, path) != 3) {
    fprintf(stderr, "usage: probe delay URL SECONDS | probe join URL TIMES INTERVAL_MS\n");
    return 2;
  }
  if (!strcmp(argv[1], "delay")) return measure_delay(atof(argv[3]));
  return measure_join(atoi(argv[3]), argc > 4 ? atoi(argv[4]) : 0);
}
